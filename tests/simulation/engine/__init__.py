"""What plays a history: a world on one clock, machines with the agent's own code, and everything that goes wrong."""

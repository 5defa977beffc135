"""The fleet's events: their catalogue, what a change says, and their published shapes."""

"""The fleet's routes, for operators and for agents."""

"""Reaching agents: delivery shortens the wait of work that already stands in the tables."""

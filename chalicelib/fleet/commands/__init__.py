"""Commands, their fan-out to nodes, and one execution per command and node."""

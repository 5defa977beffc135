"""Self-update requests: the machines that are asked to update themselves, and the outcomes."""

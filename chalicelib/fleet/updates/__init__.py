"""Self-update requests: which machines are asked to update themselves, and what became of it."""

"""Whom a command or a self-update request is for: what the operator wrote, and which nodes that is."""

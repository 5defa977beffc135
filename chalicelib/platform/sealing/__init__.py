"""Secrets at rest: sealing them again when the data key is replaced."""

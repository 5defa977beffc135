"""Saved scripts: texts with typed parameters, which operators run as commands."""

"""Handlers of what the platform does by itself."""

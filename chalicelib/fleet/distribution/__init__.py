"""The agent's own files: which versions this stack serves, and where a machine gets one."""

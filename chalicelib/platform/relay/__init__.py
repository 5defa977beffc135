"""The change stream's reader: turns changes into messages, and does nothing else."""

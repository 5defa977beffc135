"""The queue of the context `background`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

CLEAN_UP = Queue("clean-up", is_delayed=True)
"""Work in the background, chunk by chunk, that may wait: clean-ups, redeliveries, the audit log."""

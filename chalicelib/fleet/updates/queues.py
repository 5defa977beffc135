"""The queue of the context `updates`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

SELF_UPDATES = Queue("self-updates", is_delayed=True)
"""Finds the nodes of self-update requests, and ends the requests."""

"""The queue of the context `events`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

EVENTS = Queue("events")
"""Envelopes of events, for the bus and for webhooks."""

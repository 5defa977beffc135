"""The queue of the context `analytics`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

ANALYTICS = Queue("analytics")
"""Facts about nodes and instances, from the bus."""

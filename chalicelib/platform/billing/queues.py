"""The queue of the context `billing`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

METERING = Queue("metering")
"""Marks: changes of what resources are charged for."""

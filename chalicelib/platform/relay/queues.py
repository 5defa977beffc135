"""The queue of the context `relay`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

RELAY_FAILURES = Queue("relay-failures", is_manual=True)
"""Records of the change stream that the relay could not read, for a person to look at."""

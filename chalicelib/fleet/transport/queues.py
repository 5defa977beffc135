"""The queue of the context `transport`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

COMMAND_DELIVERY = Queue("command-delivery")
"""Messages for agents. Each further stack has a queue of its own for them."""

"""The queue of this context; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

EXECUTION_CREATION = Queue("execution-creation")
"""Creates executions of a command on nodes, part by part."""

"""The queue of the context `provisioning`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

PROVISIONING = Queue("provisioning", is_delayed=True)
"""Resources of one kind that a worker looks at."""

"""The queue of the context `compute`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

INSTANCE_ENDS = Queue("instance-ends")
"""Changes of resources: the volumes and the address of an instance that goes are released. A lost one leaves a volume
or an address that says so."""

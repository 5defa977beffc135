"""The queue of the context `network`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

NETWORK_EFFECTS = Queue("network-effects")
"""Changes of resources: a VPC gets its main route table, and loses it. Any later change of the VPC makes up for a lost
one."""

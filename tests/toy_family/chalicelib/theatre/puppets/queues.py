"""The queue of this context; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

PUPPET_REPAIRS = Queue("puppet-repairs")
"""Repairs puppets. It also gets the nodes that leave the fleet."""

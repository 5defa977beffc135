"""The queue of the context `hosted`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

HOSTED_BUILDS = Queue("hosted-builds", is_delayed=True)
"""Nodes whose build goes on, exports of logs, and changes of instances, from the bus."""

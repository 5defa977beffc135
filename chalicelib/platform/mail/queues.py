"""The queue of the context `mail`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

MAILS = Queue("mails")
"""Mails that are asked for, by the kind and the id of the row that they are about."""

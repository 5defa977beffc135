"""The queue of the context `webhooks`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

WEBHOOK_DELIVERIES = Queue("webhook-deliveries", grouped_by="webhook_id", is_delayed=True)
"""Deliveries to attempt."""

"""Queues again what was left undone of commands and self-update requests, expires commands at their deadline, and
repeats clean-ups once indexes have caught up. Costs what is due, not what exists."""

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.kit.queues import Queue
from chalicelib.workers.entry import scheduled

blueprint = Blueprint(__name__)

COMMANDS_PER_SWEEP = 1000
"""About ten seconds of work; the most overdue come first, the next sweep takes the rest."""

REQUESTS_PER_SWEEP = 200
"""Self-update requests, likewise; few are ever open."""


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_commands")
@scheduled("sweep_commands")
def handler(services: Services) -> None:
    for page in services.fan_outs.due_work(COMMANDS_PER_SWEEP):
        for queue, messages in page:
            services.queues.send(queue, messages)
    for due in services.update_fan_outs.due_work(REQUESTS_PER_SWEEP):
        services.queues.send(Queue.SELF_UPDATES, due)

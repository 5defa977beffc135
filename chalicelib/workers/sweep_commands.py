"""Queues again what was left undone, expires commands at their deadline, and repeats clean-ups once indexes have
caught up. Costs what is due, not what exists."""

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.workers.entry import scheduled

blueprint = Blueprint(__name__)

COMMANDS_PER_SWEEP = 1000
"""About ten seconds of work; the most overdue come first, the next sweep takes the rest."""


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_commands")
@scheduled("sweep_commands")
def handler(services: Services) -> None:
    for page in services.fan_outs.due_work(COMMANDS_PER_SWEEP):
        for queue, messages in page:
            services.queues.send(queue, messages)

"""Queues unfinished work of commands, self-update requests and tasks again, and schedules whose time has come; expires
commands at their deadline, and repeats clean-ups once indexes have caught up. Work for the nodes of clusters with a new
owner is delivered again by that owner. The cost depends on the due rows, not on all rows."""

from itertools import groupby

from chalice.app import Blueprint, Rate

from chalicelib.fleet.admins.handover import REDELIVER_AFTER_SECONDS
from chalicelib.fleet.commands.queues import TIMELY_WORK
from chalicelib.fleet.updates.queues import SELF_UPDATES
from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET
from chalicelib.kit.queues import Queue
from chalicelib.kit.tables import Item
from chalicelib.kit.tasks import message_of, queue_of
from chalicelib.platform.background.queues import CLEAN_UP

blueprint = Blueprint(__name__)

SCHEDULES_PER_SWEEP = 1000
"""Each is a write and a message; the rest waits a minute."""

COMMANDS_PER_SWEEP = 1000
"""About ten seconds of work; the most overdue come first, the next sweep takes the rest."""

REQUESTS_PER_SWEEP = 200
"""Self-update requests, likewise; few are ever open."""

TASKS_PER_SWEEP = 1000
"""Clean-ups and redeliveries of webhooks, likewise."""


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_commands")
@FLEET.scheduled(
    "sweep_commands",
    lambda services: (services.commands.fan_outs, services.updates.fan_outs, services.platform.counters),
)
def handler(services: Fleet) -> None:
    for due_schedules in services.schedules.running.due_work(SCHEDULES_PER_SWEEP):
        services.platform.queues.send(TIMELY_WORK, due_schedules)
    for page in services.commands.fan_outs.due_work(COMMANDS_PER_SWEEP):
        for queue, messages in page:
            services.platform.queues.send(queue, messages)
    for due in services.updates.fan_outs.due_work(REQUESTS_PER_SWEEP):
        services.platform.queues.send(SELF_UPDATES, due)
    for rows in services.platform.tasks.due_work(TASKS_PER_SWEEP):
        for queue, of_queue in groupby(sorted(rows, key=_queue_of), key=_queue_of):
            services.platform.queues.send(queue, [message_of(row) for row in of_queue])
    _redeliver(services)


def _queue_of(row: Item) -> Queue:
    return queue_of(row, CLEAN_UP)


def _redeliver(services: Fleet) -> None:
    """Noted after it was queued: whatever ends in between is done again by the next sweep."""
    moved = services.admins.handover.moved()
    if moved.cluster_names:
        messages = [{"kind": "redeliver", "id": name} for name in moved.cluster_names]
        services.platform.queues.send(CLEAN_UP, messages, delay_seconds=REDELIVER_AFTER_SECONDS)
        services.admins.handover.note(moved)

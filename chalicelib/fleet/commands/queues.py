"""The queues of the context `commands`; a module of its own, so that senders import little else."""

from chalicelib.fleet.commands.undone import DELETE, pass_of
from chalicelib.kit.queues import Queue
from chalicelib.platform.background.queues import CLEAN_UP

EXECUTION_CREATION = Queue("execution-creation")
"""Creates executions of a command on nodes, part by part."""

TIMELY_WORK = Queue("timely-work")
"""Urgent background work, for which somebody waits: cancellations, deadlines, schedules. It never stands
behind clean-ups, of which one deletion makes minutes."""


def queue_of_pass(name: str) -> Queue:
    """The queue of a pass over the executions of a command, or of a share of one. A deletion is not urgent."""
    return CLEAN_UP if pass_of(name) == DELETE else TIMELY_WORK

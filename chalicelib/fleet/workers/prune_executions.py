"""Begins to remove executions that are older than they are kept for, once a day; `clean_up` does it, chunk by chunk."""

from chalice.app import Blueprint, Rate

from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET
from chalicelib.platform.background.queues import CLEAN_UP

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.DAYS), name="prune_executions")
@FLEET.scheduled(
    "prune_executions",
    lambda services: (services.commands.pruning, services.platform.queues, services.platform.counters),
)
def handler(services: Fleet) -> None:
    messages = [{"kind": "prune_executions", "id": shard} for shard in services.commands.pruning.shards()]
    services.platform.queues.send(CLEAN_UP, messages)

"""Begins to remove executions that are older than they are kept for, once a day; `clean_up` does it, chunk by chunk."""

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.workers.entry import scheduled

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.DAYS), name="prune_executions")
@scheduled("prune_executions", lambda services: (services.pruning, services.queues, services.counters))
def handler(services: Services) -> None:
    messages = [{"kind": "prune_executions", "id": shard} for shard in services.pruning.shards()]
    services.queues.send(CLEAN_UP, messages)

"""Records what facts from the bus tell of instances. The facts of one instance in a batch are recorded together."""

from chalice.app import Blueprint

from chalicelib.machines.analytics.facts import entry_of
from chalicelib.machines.analytics.queues import ANALYTICS
from chalicelib.machines.wiring import Machines
from chalicelib.machines.workers import MACHINES
from chalicelib.platform.events.facts import fact_in
from chalicelib.platform.workers.entry import Message, placeholder_arn

blueprint = Blueprint(__name__)


def _instance_of(message: Message) -> str:
    entry = entry_of(fact_in(message))
    return "" if entry is None else entry.instance_id


@blueprint.on_sqs_message(queue_arn=placeholder_arn(ANALYTICS), name="record_analytics")
@MACHINES.grouping_sqs_worker("record_analytics", lambda services: services.analytics.recorder, _instance_of)
def handler(messages: list[Message], services: Machines) -> None:
    entries = [entry for message in messages if (entry := entry_of(fact_in(message))) is not None]
    services.analytics.recorder.record(entries)

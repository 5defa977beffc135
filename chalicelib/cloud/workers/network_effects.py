"""Has VPCs followed by their main route tables."""

from chalice.app import Blueprint

from chalicelib.cloud.network.model import VPC
from chalicelib.cloud.network.queues import NETWORK_EFFECTS
from chalicelib.cloud.wiring import Cloud
from chalicelib.cloud.workers import CLOUD
from chalicelib.platform.events.facts import fact_in
from chalicelib.platform.workers.entry import Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(NETWORK_EFFECTS), name="network_effects")
@CLOUD.sqs_worker("network_effects", lambda services: services.main_tables)
def handler(message: Message, services: Cloud) -> None:
    """The state is never taken over: the message may be late."""
    changed = fact_in(message).data
    if changed["kind"] == VPC:
        services.main_tables.follow(str(changed["tenant"]), str(changed["id"]))

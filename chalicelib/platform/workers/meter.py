"""Records what resources are charged for, as marks tell it."""

from chalice.app import Blueprint

from chalicelib.platform.billing.model import Mark
from chalicelib.platform.billing.queues import METERING
from chalicelib.platform.billing.wiring import metering_of
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM, Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(METERING), name="meter")
@PLATFORM.sqs_worker("meter", metering_of)
def handler(message: Message, platform: Platform) -> None:
    metering_of(platform).note(Mark.model_validate(message))

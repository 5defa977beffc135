"""Sends the mails that rows ask for. A message names the row; its text is never in a queue."""

from chalice.app import Blueprint

from chalicelib.platform.mail.queues import MAILS
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM, Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(MAILS), name="send_mails")
@PLATFORM.sqs_worker("send_mails", lambda platform: platform.identity.verifications)
def handler(message: Message, platform: Platform) -> None:
    match message:
        case {"kind": "verification", "id": verification_id}:
            platform.identity.verifications.send(verification_id)
        case _:
            raise ValueError(f"a message with {sorted(message)} asks for no mail")

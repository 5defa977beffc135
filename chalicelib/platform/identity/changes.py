"""The effects of changes of codes: the mail that carries one. Pure."""

from collections.abc import Iterator

from chalicelib.kit.changes import Change
from chalicelib.kit.queues import Traced
from chalicelib.platform.context import Send
from chalicelib.platform.identity.verification_store import VERIFICATIONS
from chalicelib.platform.mail.queues import MAILS


def on_change(change: Change) -> Iterator[Send]:
    """Have a new code mailed. One that has no address is not mailed."""
    if change.table == VERIFICATIONS.name and change.old is None and change.new and change.new.get("address"):
        yield Send(MAILS, Traced({"kind": "verification", "id": change.new["id"]}, change.request_id))

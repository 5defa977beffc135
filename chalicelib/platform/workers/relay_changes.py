"""The change stream's worker: one function, a mapping per streamed table."""

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint

from chalicelib.kit.log import Level
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM

blueprint = Blueprint(__name__)


@blueprint.on_dynamodb_record("placeholder", name="relay_changes")
@PLATFORM.stream_worker("relay_changes", lambda platform: platform.relay)
def handler(records: list[Mapping[str, Any]], platform: Platform) -> None:
    parked = platform.relay.relay(records)
    if parked:
        platform.log.line("records_parked", level=Level.ERROR, parked=parked)

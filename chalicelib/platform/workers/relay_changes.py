"""The change stream's worker: one function, a mapping per streamed table."""

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.kit.log import Level
from chalicelib.platform.workers.entry import stream_worker

blueprint = Blueprint(__name__)


@blueprint.on_dynamodb_record("placeholder", name="relay_changes")
@stream_worker("relay_changes", lambda services: services.relay)
def handler(records: list[Mapping[str, Any]], services: Services) -> None:
    parked = services.relay.relay(records)
    if parked:
        services.log.line("records_parked", level=Level.ERROR, parked=parked)

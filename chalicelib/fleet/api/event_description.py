"""The fleet's events in the published document."""

from chalicelib.fleet import samples
from chalicelib.fleet.api.protocol import CONTRACT_VERSION
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.events.descriptions import DESCRIPTIONS
from chalicelib.kit.bus import EVENT_SOURCE
from chalicelib.platform.events.service import SOURCE
from chalicelib.web.description import EventsDescription
from chalicelib.web.openapi_schema import Schema

_TEXT = (
    "What happens in the fleet, as [CloudEvents 1.0](https://cloudevents.io) in structured JSON. Every event is put on "
    f"the installation's EventBridge bus (`source` `{EVENT_SOURCE}`, `detail-type` the event's type, `detail` the "
    "envelope) and sent to each webhook that subscribes to its type. Delivery is at least once and in no promised "
    "order: a repeat has the same `id`, and `time` tells what came first."
)
_SERVERS: Schema = {
    "eventBus": {
        "host": "events.{region}.amazonaws.com",
        "protocol": "eventbridge",
        "description": "The bus of the setting EVENT_BUS_NAME, in the account of the installation.",
        "variables": {"region": {"default": "us-east-1"}},
    },
    "webhooks": {
        "host": "{receiver}",
        "protocol": "https",
        "description": "Receivers named by `POST /api/v1/webhooks`. Each request is signed twice: `x-edge-signature` "
        "(HMAC-SHA256 of the body) and the headers of Standard Webhooks, which also cover id and time.",
        "variables": {"receiver": {"description": "Host of the webhook's URL"}},
    },
}

EDGE_EVENTS = EventsDescription(
    title="Edge Admin, serverless: events",
    version=CONTRACT_VERSION,
    text=_TEXT,
    servers=_SERVERS,
    source=SOURCE,
    prefix="edge.",
    events={event_type.value: DESCRIPTIONS[event_type] for event_type in EventType},
    example=samples.EVENT,
)

"""Events that operators ask for."""

from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet import samples
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.permissions import WEBHOOKS_WRITE
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.events.service import SOURCE, Envelope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Timestamp

routes = Endpoints(tag="Events.Event")


class TestEventData(BaseModel):
    """The payload of a test event."""

    message: Annotated[str, about("The reason for the event, for people.", "An operator asked for this event.")]
    requested_at: Annotated[Timestamp, about("When the operator asked for it.", samples.MOMENT)]


class TestEventEnvelope(BaseModel):
    """A test event as receivers get it."""

    specversion: Annotated[str, about("Version of CloudEvents.", "1.0")]
    id: Annotated[str, about("UUID of the event, the same in every repeat.", samples.EVENT_ID, format="uuid")]
    source: Annotated[str, about("The kind of system that events come from.", SOURCE)]
    type: Annotated[str, about("Always `edge.core.test`.", EventType.CORE_TEST.value)]
    time: Annotated[
        str, about("When it happened, with microseconds.", "2026-11-21T10:00:02.184301Z", format="date-time")
    ]
    datacontenttype: Annotated[str, about("Media type of `data`.", "application/json")]
    corename: Annotated[str, about("Name of the installation, the setting CORE_NAME.", "default")]
    data: Annotated[TestEventData, about("What the event tells.")]


class TestEventOut(BaseModel):
    """A test event that is under way."""

    published: Annotated[bool, about("Always true: the event is stored, and delivered as any other.", True)]
    event: Annotated[TestEventEnvelope, about("What receivers get: a CloudEvent.")]


@routes.post(
    "/api/v1/events/test",
    auth=OPERATOR,
    permission=WEBHOOKS_WRITE,
    scope=Scope.INSTALLATION,
    audit="event.test",
    answer=TestEventOut,
    status=202,
    summary="Publish a test event",
)
def publish_test_event(request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> TestEventOut:
    """Publishes an event `edge.core.test` on the bus and to each webhook that subscribes to this type, as any event.
    Whether it arrives shows at the receiver and among the deliveries of a webhook. `POST /api/v1/webhooks/{id}/test`
    tests one webhook, regardless of what it subscribes to."""
    return request.once(services.test_events.publish, _show)


def _show(envelope: Envelope) -> TestEventOut:
    return TestEventOut.model_validate({"published": True, "event": envelope})

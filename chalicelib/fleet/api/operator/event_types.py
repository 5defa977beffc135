"""The catalogue of event types."""

from pydantic import ConfigDict, RootModel

from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.permissions import WEBHOOKS_READ
from chalicelib.fleet.wiring import Fleet
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Events.Type")


class EventTypes(RootModel[list[str]]):
    """Types of events, in the order of the catalogue."""

    model_config = ConfigDict(json_schema_extra={"example": [*EventType]})


@routes.get(
    "/api/v1/event_types",
    auth=OPERATOR,
    permission=WEBHOOKS_READ,
    scope=Scope.INSTALLATION,
    answer=EventTypes,
    summary="List event types",
)
def list_event_types(request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> EventTypes:
    """Lists every type of event that a webhook may subscribe to. The list changes only with a new release."""
    del request
    return EventTypes([*services.platform.families.event_types])

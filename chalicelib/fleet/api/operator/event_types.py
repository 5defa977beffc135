"""The catalogue of event types."""

from pydantic import RootModel

from chalicelib.bootstrap import Services
from chalicelib.platform.events.service import catalogue
from chalicelib.web.endpoint import OPERATOR, Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Events.Type")


class EventTypes(RootModel[list[str]]):
    """In the order of the catalogue."""


@routes.get("/api/v1/event_types", auth=OPERATOR, answer=EventTypes, summary="List event types")
def list_event_types(request: Request[NoPath, NoQuery, NoBody], services: Services) -> EventTypes:
    """Every type that a webhook may subscribe to. The list belongs to the code; it does not change at run time."""
    del request, services
    return EventTypes(list(catalogue()))

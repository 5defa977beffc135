"""The catalogue of event types."""

from pydantic import RootModel

from chalicelib.api.endpoint import OPERATOR, Endpoints, Request
from chalicelib.api.validation import NoBody, NoPath, NoQuery
from chalicelib.bootstrap import Services
from chalicelib.events.service import catalogue

routes = Endpoints(tag="Events.Type")


class EventTypes(RootModel[list[str]]):
    """In the order of the catalogue."""


@routes.get("/api/v1/event_types", auth=OPERATOR, answer=EventTypes, summary="List event types")
def list_event_types(request: Request[NoPath, NoQuery, NoBody], services: Services) -> EventTypes:
    """Every type that a webhook may subscribe to. The list belongs to the code; it does not change at run time."""
    del request, services
    return EventTypes(list(catalogue()))

"""The catalogue of event types."""

import json
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, RootModel, StringConstraints

from chalicelib.fleet import samples
from chalicelib.fleet.api import API
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.permissions import WEBHOOKS_READ
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.errors import not_found
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Path

routes = Endpoints(tag="Events.Type", auth=OPERATOR, scope=Scope.INSTALLATION)


class EventTypes(RootModel[list[str]]):
    """Types of events, in the order of the catalogue."""

    model_config = ConfigDict(json_schema_extra={"example": [*EventType]})


class EventTypePath(Path):
    event_type: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9._]{1,100}$")],
        about("One of the types that the list of event types has.", samples.EVENT_TYPE),
    ]


class EventField(BaseModel):
    """A field of the data of an event."""

    name: Annotated[str, about("Name of the field.", "status")]
    description: Annotated[str, about("Meaning of the field.", "State of the execution.")]


class EventTypeOut(BaseModel):
    """A type of event, for people and programs that receive it."""

    type: Annotated[str, about("The type that is explained.", samples.EVENT_TYPE)]
    summary: Annotated[str, about("The change of which events of this type tell.", "An execution has a result.")]
    fields: Annotated[list[EventField], about("The fields of `data`.")]
    example: Annotated[dict[str, Any], about("A whole event.", samples.EVENT)]


@routes.get(
    "/api/v1/event_types",
    permission=WEBHOOKS_READ,
    answer=EventTypes,
    summary="List event types",
)
def list_event_types(request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> EventTypes:
    """Lists every type of event that a webhook may subscribe to. The list changes only with a new release."""
    del request
    return EventTypes([*services.platform.families.event_types])


@routes.get(
    "/api/v1/event_types/{event_type}",
    contract_path="/api/v1/event_types/{event_type}",
    permission=WEBHOOKS_READ,
    answer=EventTypeOut,
    errors=(404,),
    summary="Explain an event type",
)
def explain_event_type(request: Request[EventTypePath, NoQuery, NoBody], services: Fleet) -> EventTypeOut:
    """Returns the meaning of a type of event and of the fields of its data, with an example, as the AsyncAPI document
    has them."""
    del services
    explained = _explained().get(request.path.event_type)
    if explained is None:
        raise not_found()
    return explained


@cache
def _explained() -> dict[str, EventTypeOut]:
    """Every type that the packaged document describes."""
    components = json.loads(API.events_document.read_text(encoding="utf-8"))["components"]
    return {message["name"]: _of_message(message, components["schemas"]) for message in components["messages"].values()}


def _of_message(message: dict[str, Any], schemas: dict[str, Any]) -> EventTypeOut:
    data = message["payload"]["allOf"][1]["properties"]["data"]["$ref"].rpartition("/")[2]
    fields = schemas[data]["properties"].items()
    return EventTypeOut(
        type=message["name"],
        summary=message["summary"],
        fields=[EventField(name=name, description=field.get("description", "")) for name, field in fields],
        example=message["examples"][0]["payload"],
    )

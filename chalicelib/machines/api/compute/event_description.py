"""The machines' events in the published document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

from chalicelib.kit.bus import EVENT_SOURCE
from chalicelib.kit.fields import about
from chalicelib.machines.api.compute.instance_models import CUSTOMER_ID, INSTANCE_ID, PROVIDER_ID, USER_ID
from chalicelib.machines.instances.changes import STATUS_CHANGED
from chalicelib.machines.instances.model import Status
from chalicelib.platform.events.service import SOURCE
from chalicelib.web.description import EXAMPLE_ID, EXAMPLE_TIME, EventsDescription
from chalicelib.web.openapi_schema import Schema
from chalicelib.web.validation import OneOf, Timestamp

_TEXT = (
    "The events of machines that are made by request, as [CloudEvents 1.0](https://cloudevents.io) in structured JSON. "
    f"Every event is put on the installation's EventBridge bus (`source` `{EVENT_SOURCE}`, `detail-type` the event's "
    "type, `detail` the envelope) and sent to each of the operator's webhooks that subscribes to its type. Delivery is "
    "at least once and in no promised order: a repeat has the same `id`, and `time` tells what came first."
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
        "description": "Receivers named by `POST /api/v1/webhooks` of the Edge Admin API, which also says how requests "
        "are signed.",
        "variables": {"receiver": {"description": "Host of the webhook's URL"}},
    },
}


class InstanceStatusChangedEvent(BaseModel):
    """The instance after its status changed, or after it was asked for."""

    model_config = ConfigDict(extra="forbid")

    instance_id: Annotated[str, about("UUID of the instance.", INSTANCE_ID)]
    customer_id: Annotated[str, about("Id of the customer whose it is.", CUSTOMER_ID)]
    user_id: Annotated[str, about("Id of the user or key that made it.", USER_ID)]
    name: Annotated[str, about("Name of the instance for people.", "build-3")]
    status: Annotated[OneOf[Status], about("Status of the instance.", "RUNNING")]
    previous_status: Annotated[
        OneOf[Status] | None, about("Status before that; null for a new instance.", "PROVISIONING")
    ]
    status_reason: Annotated[str | None, about("Why it has failed or waits, and what helps; null for no reason.", None)]
    template_id: Annotated[str, about("Template that it was made from.", "local-small")]
    zone: Annotated[str, about("Place within the region of its template.", "local-a")]
    provider_id: Annotated[str | None, about("The provider's id of the machine; null until it has one.", PROVIDER_ID)]
    node_id: Annotated[str | None, about("Id of its node in the fleet; null until it has enrolled.", INSTANCE_ID)]
    cluster_name: Annotated[str | None, about("Cluster in which it enrols; null if it does not.", "north")]
    inserted_at: Annotated[Timestamp, about("When it was asked for.", "2026-11-21T10:00:00Z")]
    updated_at: Annotated[Timestamp, about("When its row last changed.", "2026-11-21T10:01:10Z")]


@dataclass(frozen=True)
class _Published:
    summary: str
    data: type[BaseModel]
    example: Mapping[str, Any] = field(default_factory=dict)


MACHINE_EVENTS = EventsDescription(
    title="Machines: events",
    version="1.0.0",
    text=_TEXT,
    servers=_SERVERS,
    source=SOURCE,
    prefix="machines.",
    events={STATUS_CHANGED: _Published("An instance was asked for, or has another status", InstanceStatusChangedEvent)},
    example={
        "specversion": "1.0",
        "id": EXAMPLE_ID,
        "source": SOURCE,
        "type": STATUS_CHANGED,
        "time": EXAMPLE_TIME,
        "datacontenttype": "application/json",
        "corename": "default",
    },
)

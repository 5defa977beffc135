"""The instance on the wire, and what requests about instances hold."""

from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BeforeValidator, ConfigDict, Field, RootModel, StringConstraints

from chalicelib.kit.fields import about
from chalicelib.kit.labels import LABEL_MAX_LENGTH
from chalicelib.machines.api.compute.fields import Camel
from chalicelib.machines.catalogue.service import Catalogue
from chalicelib.machines.instances.model import InstanceSpec, Status
from chalicelib.machines.instances.rules import status_of
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.problems import problems
from chalicelib.web.validation import Body, Int32, OneOf, Path, Query, Timestamp, Uuid

INSTANCE_ID = "01a1fd8c-4d3b-7a10-9c55-2f60d7a1e0b4"
CUSTOMER_ID = "01a1fd8c-0c11-7b52-8e0a-6d3c5b9f4410"
USER_ID = "01a1fd8c-0c12-7d01-93f7-11aa0b6cd2e5"
PROVIDER_ID = "i-0abc1234def567890"

MOST_PER_PAGE = 100

_NAME = r"^[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9])?$"

Name = Annotated[
    str,
    MinLen(1),
    MaxLen(63),
    StringConstraints(strip_whitespace=True, pattern=_NAME),
]


class InstancePath(Path):
    instance_id: Annotated[Uuid, about("Id of the instance.", INSTANCE_ID)]


class InstanceCreate(Body):
    """A new instance."""

    model_config = ConfigDict(populate_by_name=True)

    template_id: Annotated[
        str, MinLen(1), MaxLen(64), Field(alias="templateID"), about("Template that it is made from.", "local-small")
    ]
    zone: Annotated[str, MinLen(1), MaxLen(64), about("Zone in which it is made, one of its template's.", "local-a")]
    name: Annotated[Name | None, about("Name for people; one is made without it.", "build-3")] = None
    cluster_name: Annotated[
        Annotated[str, MinLen(1), MaxLen(LABEL_MAX_LENGTH)] | None,
        Field(alias="clusterName"),
        about("Cluster in which its agent enrols; none without it.", "north"),
    ] = None


class InstanceOut(Camel):
    """A machine that was made by request, as it is now."""

    id: Annotated[str, about("UUID of the instance, and of its node if it enrols.", INSTANCE_ID)]
    user_id: Annotated[str, Field(alias="userID"), about("Id of the user or key that made it.", USER_ID)]
    customer_id: Annotated[str, Field(alias="customerID"), about("Id of the customer whose it is.", CUSTOMER_ID)]
    name: Annotated[str, about("Name for people, as given or made.", "build-3")]
    zone: Annotated[str, about("Place within the region of its template.", "local-a")]
    machine_type: Annotated[str, about("The provider's name of its size.", "process")]
    external_ip: Annotated[str | None, about("Public address; null while it has none.", "203.0.113.20")]
    internal_ip: Annotated[str | None, about("Private address; null while it has none.", "10.0.12.34")]
    status: Annotated[OneOf[Status], about("Status, which says when operations are done.", "RUNNING")]
    status_reason: Annotated[
        str | None, about("Why it has failed or waits, and what helps; null if there is nothing to say.", None)
    ]
    template_id: Annotated[str, about("Template that it was made from.", "local-small")]
    provider_id: Annotated[str | None, about("The provider's id of the machine; null until it has one.", PROVIDER_ID)]
    node_id: Annotated[str | None, about("Id of its node in the fleet; null until it has enrolled.", INSTANCE_ID)]
    cluster_name: Annotated[str | None, about("Cluster in which it enrols; null if it does not.", "north")]
    created_at: Annotated[Timestamp, about("When it was asked for.", "2026-11-21T10:00:00Z")]
    updated_at: Annotated[Timestamp, about("When its row last changed.", "2026-11-21T10:01:10Z")]


class InstancesOut(RootModel[tuple[InstanceOut, ...]]):
    """Instances, newest first."""


class InstancePageOut(Camel):
    """A page of the instances of all customers."""

    pages: Annotated[int, about("Number of pages with this `limit`.", 1)]
    items: Annotated[int, about("Number of instances on all pages.", 1)]
    instances: Annotated[tuple[InstanceOut, ...], about("The instances of this page, newest first.")]


def _read_status(value: object) -> object:
    """A status whatever its case."""
    if isinstance(value, str) and value.upper() in set(Status):
        return Status(value.upper())
    raise problems(f"is not a status. Allowed: {', '.join(Status)}")


class AdminInstanceQuery(Query):
    """Which instances, and which page of them."""

    model_config = ConfigDict(populate_by_name=True)

    limit: Annotated[Int32, Ge(1), Le(MOST_PER_PAGE), about("Instances on a page, at most.")] = 10
    page: Annotated[Int32, Ge(1), about("Number of the page. A page after the last one is empty.")] = 1
    user_id: Annotated[str | None, Field(alias="userID"), about("Only those that this user or key made.")] = None
    customer_id: Annotated[str | None, Field(alias="customerID"), about("Only those of this customer.")] = None
    status: Annotated[
        Annotated[OneOf[Status], BeforeValidator(_read_status)] | None, about("Only those in this status, in any case.")
    ] = None
    zone: Annotated[str | None, about("Only those in this zone, in any case.")] = None
    template_id: Annotated[
        str | None, Field(alias="templateID"), about("Only those made from this template, in any case.")
    ] = None


def shown(resource: Resource, catalogue: Catalogue) -> InstanceOut:
    """The instance as it is shown."""
    spec = InstanceSpec.model_validate(resource.spec)
    observed = resource.observed
    template = catalogue.known_template(spec.template_id)
    return InstanceOut(
        id=resource.id,
        user_id=resource.owner,
        customer_id=resource.tenant,
        name=resource.name,
        zone=spec.zone,
        machine_type=str(spec.machine.get("machine_type") or (template.machine_type if template else "")),
        external_ip=observed.get("external_ip"),
        internal_ip=observed.get("internal_ip"),
        status=status_of(resource),
        status_reason=resource.reason or None,
        template_id=spec.template_id,
        provider_id=resource.external.get("id"),
        node_id=observed.get("node_id"),
        cluster_name=spec.cluster_name,
        created_at=resource.inserted_at,
        updated_at=resource.updated_at,
    )

"""The models of route tables: their routes, and the subnets that have them."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.cloud.api.fields import TIME, PageQuery, Sent, Shown
from chalicelib.cloud.api.network_fields import SUBNET_ID, VPC_ID, Cidr, Name, PartOut
from chalicelib.cloud.network.model import Status
from chalicelib.cloud.network.names import EVERYWHERE
from chalicelib.cloud.network.routing_model import TargetType
from chalicelib.cloud.network.routing_rules import association_of, table_spec_of
from chalicelib.cloud.network.rules import status_of, subnet_spec_of
from chalicelib.cloud.network.table_views import ShownRoute, TableView
from chalicelib.kit.fields import about
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.validation import OneOf, Path, Query, Timestamp

TABLE_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02104"
_ROUTE_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02105"
_ASSOCIATION_ID = "01a1fd8c-9bc8-8fee-8afc-f6c8cad02106"
_GATEWAY_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02103"

RouteId = Annotated[str, MinLen(1), MaxLen(64), about("Id of a route of the table.", _ROUTE_ID)]
SubnetId = Annotated[str, MinLen(1), MaxLen(64), about("Id of a subnet in the VPC of the table.", SUBNET_ID)]


class TablePath(Path):
    route_table_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of a table, or its beginning.", TABLE_ID)]


class RoutePath(TablePath):
    route_id: RouteId


class AssociationPath(TablePath):
    subnet_id: SubnetId


class TablesQuery(PageQuery):
    """The VPC of the tables in a list."""

    vpc_id: Annotated[str, MaxLen(64), about("Id or name of a VPC; left out: those of all VPCs.", VPC_ID)] = ""


class RouteQuery(Query):
    """The route that is removed."""

    route_id: RouteId


class TableCreate(Sent):
    """A route table to make."""

    vpc_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of the VPC that it belongs to.", VPC_ID)]
    name: Annotated[Name, about("Name of the route table, unique in its VPC, and not `main`.", "private")]
    is_main: Annotated[bool, about("Has to be false: a VPC keeps its main route table.", False)] = False


class RouteAdd(Sent):
    """A new route: which addresses lead where."""

    destination_cidr: Annotated[Cidr, about("Addresses outside of the VPC that it leads to.", EVERYWHERE)]
    target_type: Annotated[OneOf[TargetType], about("Type of the target; there is one `local` route already.", "igw")]
    target_id: Annotated[
        str,
        MaxLen(64),
        about("Id of an internet gateway, NAT gateway or peering of the VPC that is in use.", _GATEWAY_ID),
    ] = ""


class SubnetAssociate(Sent):
    """The subnet that gets a route table, or gives it back."""

    subnet_id: SubnetId


class RouteOut(Shown):
    """A route of a table."""

    id: Annotated[str, about("UUID of the route.", _ROUTE_ID, format="uuid")]
    route_table_id: Annotated[str, about("UUID of the table that has it.", TABLE_ID, format="uuid")]
    destination_cidr: Annotated[str, about("Addresses that it leads to.", EVERYWHERE)]
    target_type: Annotated[
        OneOf[TargetType],
        about("Type of its target; `local` is the VPC itself. `igw` and `peering` may be made by these.", "igw"),
    ]
    target_id: Annotated[str | None, about("UUID of its target; null for the VPC itself.", _GATEWAY_ID)]
    target_name: Annotated[str | None, about("Null: targets have no names.", None)]
    created_at: Annotated[
        Timestamp,
        about("Time at which it was asked for; that of the last change of a gateway or peering that made it.", TIME),
    ]


class AssociationOut(Shown):
    """A subnet that has a route table."""

    id: Annotated[str, about("UUID of the association.", _ASSOCIATION_ID, format="uuid")]
    route_table_id: Annotated[str, about("UUID of the route table.", TABLE_ID, format="uuid")]
    subnet_id: Annotated[str, about("UUID of the subnet, which has one route table at a time.", SUBNET_ID)]
    created_at: Annotated[Timestamp, about("Time since which the subnet has it.", TIME)]


class TableOut(PartOut):
    """A route table."""

    id: Annotated[str, about("UUID of the route table itself.", TABLE_ID, format="uuid")]
    vpc_id: Annotated[str, about("UUID of the VPC that it belongs to.", VPC_ID, format="uuid")]
    name: Annotated[str, about("Name of the route table; `main` is the VPC's own.", "private")]
    is_main: Annotated[bool, about("Whether subnets have it that were associated with no other.", False)]
    routes: Annotated[tuple[RouteOut, ...], about("Its routes: to the VPC, its own, and those of others.")]
    associations: Annotated[tuple[AssociationOut, ...], about("The subnets that have it.")]
    status: Annotated[Status, about("Status of the table, `active` also while a route of it is changing.", "active")]


def show_route(table: Resource, route: ShownRoute) -> RouteOut:
    return RouteOut(
        id=route.id,
        route_table_id=table.id,
        destination_cidr=route.destination,
        target_type=route.target_type,
        target_id=route.target_id,
        target_name=None,
        created_at=route.since,
    )


def _show_association(table: Resource, subnet: Resource) -> AssociationOut:
    return AssociationOut(
        id=association_of(table.id, subnet.id),
        route_table_id=table.id,
        subnet_id=subnet.id,
        created_at=subnet_spec_of(subnet).associated_at or subnet.inserted_at,
    )


def show_table(view: TableView, tenant: str) -> TableOut:
    table, spec = view.table, table_spec_of(view.table)
    return TableOut(
        id=table.id,
        user_id=table.owner or None,
        tenant_id=tenant,
        vpc_id=spec.vpc_id,
        name=table.name,
        is_main=spec.is_main,
        routes=tuple(show_route(table, each) for each in view.routes),
        associations=tuple(_show_association(table, each) for each in view.subnets),
        status=status_of(table, Status.ACTIVE),
        status_reason=table.reason or None,
        created_at=table.inserted_at,
    )

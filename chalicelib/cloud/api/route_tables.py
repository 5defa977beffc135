"""Route tables of a tenant's VPCs, their routes, and the subnets that have them."""

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import MessageOut
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.route_table_models import (
    AssociationPath,
    RouteAdd,
    RouteOut,
    RoutePath,
    RouteQuery,
    SubnetAssociate,
    TableCreate,
    TableOut,
    TablePath,
    TablesQuery,
    show_route,
    show_table,
)
from chalicelib.cloud.network.names import ROUTE_TABLE
from chalicelib.cloud.network.table_views import TableView
from chalicelib.cloud.permissions import VPC_DELETE, VPC_READ, VPC_UPDATE
from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Route tables", auth=USER, scope=Scope.TENANT)

_ONE = "/route-tables/{route_table_id}"

TABLES = Kind(
    routes=routes,
    collection="/route-tables",
    path=TablePath,
    one="a route table",
    many="route tables",
    name="route_table",
    names="route_tables",
    of=lambda services: services.table_views,
    show=show_table,
    shown=TableOut,
    read=VPC_READ,
    resource=ROUTE_TABLE,
)
TABLES.creates(
    TableCreate,
    lambda services, by, body: services.route_tables.create(by, body.vpc_id, body.name, is_main=body.is_main),
    """Makes a route table in a VPC, with the route to the VPC's own addresses. 409 for a name that is taken in the VPC,
    and for `is_main`: a VPC keeps its main route table, and subnets are associated with the new one.""",
    lambda made, tenant: show_table(TableView(made), tenant),
    permission=VPC_UPDATE,
    errors=(404, 409),
)
TABLES.gets("""Returns a route table with its routes and the subnets that have it.""")
TABLES.deletes(
    """Deletes a route table. 409 for a main one, and while subnets have it.""",
    permission=VPC_DELETE,
)


TABLES.lists_pages(
    """Lists the route tables of a VPC, or of all VPCs of the tenant.""",
    lambda services, tenant, asked: services.table_views.page(tenant, asked.page_size, asked.after, asked.vpc_id),
    TablesQuery,
    errors=(404,),
)


@routes.post(
    f"{_ONE}/routes",
    contract_path="/route-tables/{id}/routes",
    permission=VPC_UPDATE,
    audit="route_table.add_route",
    is_deferred=True,
    answer=RouteOut,
    status=201,
    errors=(404, 409),
    summary="Add a route",
)
def add_route(request: Request[TablePath, NoQuery, RouteAdd], services: Cloud) -> Created:
    """Adds a route to a table. 400 for addresses within the VPC, 404 for a target that is not there, 409 for addresses
    that the table has a route to, and for a target that is not attached to the VPC, or not active."""
    tenant, wanted, body = request.principal.tenant, request.path.route_table_id, request.body
    return request.once(
        lambda: services.route_tables.add_route(
            tenant, wanted, body.destination_cidr, body.target_type, body.target_id
        ),
        lambda made: Created(show_route(made, tuple(TableView(made).routes)[-1])),
    )


def _remove_route(services: Cloud, tenant: str, table_id: str, route_id: str) -> NoContent:
    services.route_tables.remove_route(tenant, table_id, route_id)
    return NoContent()


@routes.delete(
    f"{_ONE}/routes",
    contract_path="/route-tables/{id}/routes",
    permission=VPC_UPDATE,
    audit="route_table.remove_route",
    is_deferred=True,
    status=204,
    errors=(404, 409),
    summary="Remove a route that the query names",
)
def remove_route_by_query(request: Request[TablePath, RouteQuery, NoBody], services: Cloud) -> NoContent:
    """Removes a route of a table. 409 for the route to the VPC itself, and for one of a gateway or peering, which takes
    it along."""
    return _remove_route(services, request.principal.tenant, request.path.route_table_id, request.query.route_id)


@routes.delete(
    f"{_ONE}/routes/{{route_id}}",
    contract_path="/route-tables/{id}/routes/{route_id}",
    permission=VPC_UPDATE,
    audit="route_table.remove_route",
    is_deferred=True,
    status=204,
    errors=(404, 409),
    summary="Remove a route",
)
def remove_route(request: Request[RoutePath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Removes a route of a table. 409 for the route to the VPC itself, and for one of a gateway or peering, which takes
    it along."""
    return _remove_route(services, request.principal.tenant, request.path.route_table_id, request.path.route_id)


def _associate(request: Request[TablePath, NoQuery, SubnetAssociate], services: Cloud) -> MessageOut:
    tenant, wanted, subnet = request.principal.tenant, request.path.route_table_id, request.body.subnet_id
    return request.once(
        lambda: services.subnets.associate(tenant, subnet, wanted),
        lambda _made: MessageOut(message="the subnet gets the route table"),
    )


@routes.post(
    f"{_ONE}/associate",
    permission=VPC_UPDATE,
    audit="route_table.associate",
    is_deferred=True,
    answer=MessageOut,
    errors=(404, 409),
    summary="Give a subnet a route table",
)
def associate_route_table(request: Request[TablePath, NoQuery, SubnetAssociate], services: Cloud) -> MessageOut:
    """Has a subnet use the route table in place of the one that it has. 409 for a subnet of another VPC."""
    return _associate(request, services)


@routes.post(
    f"{_ONE}/associations",
    contract_path="/route-tables/{id}/associations",
    permission=VPC_UPDATE,
    audit="route_table.associate",
    is_deferred=True,
    answer=MessageOut,
    errors=(404, 409),
    summary="Give a subnet a route table, by another path",
)
def create_association(request: Request[TablePath, NoQuery, SubnetAssociate], services: Cloud) -> MessageOut:
    """The same as `POST /route-tables/{id}/associate`, as published clients send it."""
    return _associate(request, services)


@routes.post(
    f"{_ONE}/disassociate",
    permission=VPC_UPDATE,
    audit="route_table.disassociate",
    is_deferred=True,
    answer=MessageOut,
    errors=(404, 409),
    summary="Take a route table from a subnet",
)
def disassociate_route_table(request: Request[TablePath, NoQuery, SubnetAssociate], services: Cloud) -> MessageOut:
    """Has a subnet use the main route table of its VPC again. 404 for one that does not have the table, 409 for the
    main table."""
    tenant, wanted, subnet = request.principal.tenant, request.path.route_table_id, request.body.subnet_id
    return request.once(
        lambda: services.subnets.disassociate(tenant, subnet, wanted),
        lambda _made: MessageOut(message="the subnet gets the main route table"),
    )


@routes.delete(
    f"{_ONE}/associations/{{subnet_id}}",
    contract_path="/route-tables/{id}/associations/{subnet_id}",
    permission=VPC_UPDATE,
    audit="route_table.disassociate",
    is_deferred=True,
    status=204,
    errors=(404, 409),
    summary="Take a route table from a subnet, by another path",
)
def delete_association(request: Request[AssociationPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """The same as `POST /route-tables/{id}/disassociate`, as published clients send it."""
    services.subnets.disassociate(request.principal.tenant, request.path.subnet_id, request.path.route_table_id)
    return NoContent()

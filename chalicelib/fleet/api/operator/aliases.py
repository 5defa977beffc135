"""Aliases of nodes, for operators."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.aliases.model import SORTABLE, Alias
from chalicelib.fleet.api.operator import filters
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import ALIASES_READ, ALIASES_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.kit.labels import LABEL_MAX_LENGTH, LABEL_PATTERN
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import ListQuery, OrderBy, TextFilter, UuidFilter, matching, ordering
from chalicelib.web.listed_filters import TextsFilter, UuidsFilter, any_of
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Nodes.Alias", auth=OPERATOR, scope=Scope.REACH)

AliasName = Annotated[str, MinLen(1), MaxLen(LABEL_MAX_LENGTH), StringConstraints(pattern=LABEL_PATTERN)]


class NamedNodePath(Path):
    node_id: Annotated[Uuid, about("UUID of the node that gets the alias.", samples.NODE_ID)]


class AliasPath(Path):
    alias_id: Annotated[Uuid, about("UUID of the alias.", samples.ALIAS_ID)]


class AliasListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    name: Annotated[TextFilter, matching("the alias")] = None
    node_id: Annotated[UuidFilter, about("Only aliases of the node with this UUID.")] = None
    node_id__in: Annotated[UuidsFilter, any_of("`node_id`")] = None
    cluster_name: Annotated[TextFilter, filters.CLUSTER_OF_NODE] = None
    cluster_name__in: Annotated[TextsFilter, any_of("`cluster_name`")] = None


class AliasCreate(Body):
    """A new alias of a node."""

    name: Annotated[AliasName, about("DNS label, unique in the node's cluster; not a UUID.", samples.ALIAS)]


class AliasOut(BaseModel):
    """A further name of a node in the network of its cluster."""

    id: Annotated[str, fields.ALIAS]
    name: Annotated[str, fields.ALIAS_NAME]
    vpn_hostname: Annotated[str, fields.ALIAS_HOST]
    node_id: Annotated[str, fields.NODE]
    cluster_name: Annotated[str, fields.CLUSTER_OF_NODE]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


@routes.post(
    "/api/v1/nodes/{node_id}/aliases",
    permission=ALIASES_WRITE,
    audit="alias.create",
    answer=AliasOut,
    status=201,
    errors=(404, 409, 422),
    summary="Create an alias for a node",
)
def create_alias(request: Request[NamedNodePath, NoQuery, AliasCreate], services: Fleet) -> Created:
    """Gives a node a further name. Refused with 409 if a node of the cluster has the alias already, or the node
    has as many aliases as are allowed; with a mesh also while the node has not joined it."""
    return request.once(
        lambda: services.aliases.create(request.path.node_id, request.body.name, reach=reach_of(request.principal)),
        lambda alias: Created(_show(alias, services)),
    )


@routes.get(
    "/api/v1/aliases",
    permission=ALIASES_READ,
    answer=AliasOut,
    paginated=True,
    summary="List aliases",
)
def list_aliases(request: Request[NoPath, AliasListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists the aliases of all nodes, newest first unless ordered otherwise."""
    page = services.aliases.list_page(request.query.to_request(SORTABLE), reach=reach_of(request.principal))
    return Paginated([_show(alias, services) for alias in page.items], page)


@routes.get(
    "/api/v1/aliases/{alias_id}",
    permission=ALIASES_READ,
    answer=AliasOut,
    errors=(404,),
    summary="Get an alias",
)
def get_alias(request: Request[AliasPath, NoQuery, NoBody], services: Fleet) -> AliasOut:
    """Returns one alias with the DNS name that it resolves by."""
    return _show(services.aliases.get(request.path.alias_id, reach=reach_of(request.principal)), services)


@routes.delete(
    "/api/v1/aliases/{alias_id}",
    permission=ALIASES_WRITE,
    audit="alias.delete",
    status=204,
    errors=(404,),
    summary="Delete an alias",
)
def delete_alias(request: Request[AliasPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes an alias and its DNS entry. The node keeps its own name."""
    services.aliases.delete(request.path.alias_id, reach=reach_of(request.principal))
    return NoContent()


def _show(alias: Alias, services: Fleet) -> AliasOut:
    domain = services.platform.settings.netmaker_default_domain
    return AliasOut(**alias.model_dump(exclude={"cluster_id"}), vpn_hostname=alias.vpn_hostname(domain))

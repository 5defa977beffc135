"""Aliases of nodes, for operators."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, StringConstraints

from chalicelib.bootstrap import Services
from chalicelib.fleet.aliases.model import SORTABLE, Alias
from chalicelib.kit.labels import LABEL_MAX_LENGTH, LABEL_PATTERN
from chalicelib.web.endpoint import OPERATOR, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import ListQuery, TextFilter, UuidFilter
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Nodes.Alias")

AliasName = Annotated[str, MinLen(1), MaxLen(LABEL_MAX_LENGTH), StringConstraints(pattern=LABEL_PATTERN)]


class NamedNodePath(Path):
    node_id: Uuid


class AliasPath(Path):
    alias_id: Uuid


class AliasListQuery(ListQuery):
    name: TextFilter = None
    node_id: UuidFilter = None
    cluster_name: TextFilter = None


class AliasCreate(Body):
    name: AliasName


class AliasOut(BaseModel):
    """A further name of a node; ``vpn_hostname`` is what it is resolved by."""

    id: str
    name: str
    vpn_hostname: str
    node_id: str
    cluster_name: str
    inserted_at: Timestamp
    updated_at: Timestamp


@routes.post(
    "/api/v1/nodes/{node_id}/aliases",
    auth=OPERATOR,
    answer=AliasOut,
    status=201,
    errors=(404, 409, 422),
    summary="Create an alias for a node",
)
def create_alias(request: Request[NamedNodePath, NoQuery, AliasCreate], services: Services) -> Created:
    return Created(_show(services.aliases.create(request.path.node_id, request.body.name), services))


@routes.get("/api/v1/aliases", auth=OPERATOR, answer=AliasOut, paginated=True, summary="List aliases")
def list_aliases(request: Request[NoPath, AliasListQuery, NoBody], services: Services) -> Paginated:
    page = services.aliases.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(alias, services) for alias in page.items], page)


@routes.get(
    "/api/v1/aliases/{alias_id}",
    auth=OPERATOR,
    answer=AliasOut,
    errors=(404,),
    summary="Get an alias",
)
def get_alias(request: Request[AliasPath, NoQuery, NoBody], services: Services) -> AliasOut:
    return _show(services.aliases.get(request.path.alias_id), services)


@routes.delete(
    "/api/v1/aliases/{alias_id}",
    auth=OPERATOR,
    status=204,
    errors=(404,),
    summary="Delete an alias",
)
def delete_alias(request: Request[AliasPath, NoQuery, NoBody], services: Services) -> NoContent:
    services.aliases.delete(request.path.alias_id)
    return NoContent()


def _show(alias: Alias, services: Services) -> AliasOut:
    domain = services.settings.netmaker_default_domain
    return AliasOut(**alias.model_dump(exclude={"cluster_id"}), vpn_hostname=alias.vpn_hostname(domain))

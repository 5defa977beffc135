"""The names that agents give themselves when they start."""

from pydantic import BaseModel

from chalicelib.bootstrap import Services
from chalicelib.web.endpoint import AGENT, Created, Endpoints, Request
from chalicelib.web.validation import Body, NoPath, NoQuery

routes = Endpoints(tag="Agents.Alias")


class OwnAliasCreate(Body):
    """A name that cannot be is refused with 422 here, not with 400: agents tell the two apart."""

    name: str


class OwnAliasOut(BaseModel):
    id: str
    name: str
    node_id: str


@routes.post(
    "/api/v1/agents/aliases",
    auth=AGENT,
    answer=OwnAliasOut,
    status=201,
    errors=(404, 409, 422),
    summary="Register an alias of one's own",
)
def create_own_alias(request: Request[NoPath, NoQuery, OwnAliasCreate], services: Services) -> Created:
    alias = services.aliases.create(request.agent.node.id, request.body.name)
    return Created(OwnAliasOut(id=alias.id, name=alias.name, node_id=alias.node_id))

"""Aliases that agents register for themselves when they start."""

from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import AGENT, FromAgent
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import Created, Endpoints
from chalicelib.web.validation import Body, NoPath, NoQuery

routes = Endpoints(tag="Agents.Alias")


class OwnAliasCreate(Body):
    """An alias of the calling node. An invalid name is refused with 422, not 400, because agents tell the two apart."""

    name: Annotated[
        str, about("DNS label of up to 63 characters, unique in the node's cluster; not a UUID.", samples.ALIAS)
    ]


class OwnAliasOut(BaseModel):
    """The alias as it was registered."""

    id: Annotated[str, fields.ALIAS]
    name: Annotated[str, fields.ALIAS_NAME]
    node_id: Annotated[str, fields.NODE]


@routes.post(
    "/api/v1/agents/aliases",
    auth=AGENT,
    repeats="an alias that the node has already is refused by name",
    answer=OwnAliasOut,
    status=201,
    errors=(404, 409, 422),
    summary="Register an alias of the calling node",
)
def create_own_alias(request: FromAgent[NoPath, NoQuery, OwnAliasCreate], services: Fleet) -> Created:
    """Registers a further name of the calling node. Refused with 409 if a node of the cluster has the name already,
    this one included, or the node has as many aliases as are allowed, with 422 for an invalid name."""
    alias = services.aliases.create(request.agent.node.id, request.body.name, reach=EVERYWHERE)
    return Created(OwnAliasOut(id=alias.id, name=alias.name, node_id=alias.node_id))

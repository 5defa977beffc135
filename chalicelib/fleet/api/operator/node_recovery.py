"""Recovery keys of nodes."""

from typing import Annotated

from pydantic import BaseModel, Field

from chalicelib.fleet import samples
from chalicelib.fleet.api.operator.nodes import NodePath
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import NODES_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Nodes.RecoveryKey", auth=OPERATOR, scope=Scope.REACH)


class RecoveryKeyOut(BaseModel):
    """A key by which a machine that has lost its token becomes its node again."""

    recovery_key: Annotated[
        str, about("The key, shown this once. Agents take it where they take enrollment keys.", samples.RECOVERY_KEY)
    ] = Field(repr=False)


@routes.post(
    "/api/v1/nodes/{node_id}/recovery_key",
    permission=NODES_WRITE,
    audit="node.create_recovery_key",
    repeats="a repeat makes another key, in place of the one before",
    answer=RecoveryKeyOut,
    status=201,
    errors=(404,),
    summary="Make a recovery key for a node",
)
def create_recovery_key(request: Request[NodePath, NoQuery, NoBody], services: Fleet) -> Created:
    """Makes a key, in place of the one before, with which a machine that has lost its token registers as this node
    again: once, without an enrollment key, and the node keeps its cluster, labels, aliases and history. The tokens
    from before are no longer accepted then, and one that is used all the same marks an identity conflict. The key ends
    when the node moves to another cluster or is deleted."""
    key = services.nodes.recovering.create(request.path.node_id, reach=reach_of(request.principal))
    return Created(RecoveryKeyOut(recovery_key=key.reveal()))


@routes.delete(
    "/api/v1/nodes/{node_id}/recovery_key",
    permission=NODES_WRITE,
    audit="node.delete_recovery_key",
    status=204,
    errors=(404,),
    summary="Delete a node's recovery key",
)
def delete_recovery_key(request: Request[NodePath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes the recovery key of a node. Succeeds if there is none."""
    services.nodes.recovering.delete(request.path.node_id, reach=reach_of(request.principal))
    return NoContent()

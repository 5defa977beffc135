"""An agent takes several executions at once."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import AGENT, FromAgent
from chalicelib.fleet.commands.model import Status
from chalicelib.fleet.nodes.identity import require_sole
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Body, CountedFirst, NoPath, NoQuery, OneOf, Uuid

CLAIMED_AT_ONCE = 100
"""Executions that one request acknowledges, each by a write: a page of the agent's list."""

routes = Endpoints(tag="Agents.CommandExecution")


class AcknowledgeIn(Body):
    """The executions that an agent would run."""

    ids: Annotated[
        list[Uuid],
        MinLen(1),
        MaxLen(CLAIMED_AT_ONCE),
        CountedFirst(),
        about("UUIDs of executions of the calling node.", [samples.EXECUTION_ID]),
    ]


class RefusedOut(BaseModel):
    """An execution that the agent must not run."""

    id: Annotated[str, fields.EXECUTION]
    status: Annotated[
        OneOf[Status] | None,
        about("Its status, which is not `pending`; null: this node has none of that id.", Status.CANCELLED.value),
    ]


class AcknowledgedOut(BaseModel):
    """The executions that were taken, and those that were not."""

    acknowledged: Annotated[
        list[str], about("UUIDs of the executions that are `sent` now, for this agent to run.", [samples.EXECUTION_ID])
    ]
    refused: Annotated[list[RefusedOut], about("The others.", [])]


@routes.patch(
    "/api/v1/agents/command_executions/acknowledge",
    auth=AGENT,
    answer=AcknowledgedOut,
    errors=(409,),
    summary="Acknowledge several executions",
)
def acknowledge_executions(request: FromAgent[NoPath, NoQuery, AcknowledgeIn], services: Fleet) -> AcknowledgedOut:
    """Takes executions that the agent has been told, or has listed: each changes from `pending` to `sent`. Those that
    are in another status are refused, by themselves; an agent runs none that it could not acknowledge. Refused with 409
    `identity_conflict` while another machine uses the node's identity too."""
    require_sole(request.agent)
    claim = services.commands.executions.claim(request.agent.node.id, request.body.ids)
    refused = [RefusedOut(id=row_id, status=status) for row_id, status in claim.refused.items()]
    return AcknowledgedOut(acknowledged=claim.acknowledged, refused=refused)

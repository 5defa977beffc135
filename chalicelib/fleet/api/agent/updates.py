"""Agents ask whether they should update themselves, after a wake-up and now and then, and say what became of it."""

from typing import Annotated, Literal

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel

from chalicelib.bootstrap import Services
from chalicelib.fleet.updates.model import NodeState, Report
from chalicelib.web.endpoint import AGENT, Endpoints, Request
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

LONGEST_REASON = 500

routes = Endpoints(tag="Agents.SelfUpdate")


class UpdateCheckOut(BaseModel):
    """An agent updates itself if it is included and ``inserted_at`` is newer than that of the last time. ``request_id``
    is what it reports the outcome to; ``version`` what it is to run, null for the current one."""

    including_me: bool
    inserted_at: Timestamp | None
    request_id: str | None
    version: str | None


class OutcomePath(Path):
    self_update_request_id: Uuid


class OutcomeIn(Body):
    """``version`` is what the agent runs now, whatever became of the update."""

    status: Literal["updated", "failed"]
    version: Annotated[str, MinLen(1), MaxLen(255)]
    reason: Annotated[str, MaxLen(LONGEST_REASON)] | None = None


class OutcomeOut(BaseModel):
    self_update_request_id: str
    node_id: str
    status: str
    version: str | None


@routes.get(
    "/api/v1/agents/self_updates/check",
    auth=AGENT,
    answer=UpdateCheckOut,
    errors=(409,),
    summary="Ask whether to update oneself",
)
def check_self_update(request: Request[NoPath, NoQuery, NoBody], services: Services) -> UpdateCheckOut:
    """409 `identity_conflict`: another machine uses this node's identity too, and neither is to update itself."""
    services.nodes.require_sole(request.agent)
    answer = services.self_updates.check(request.agent)
    return UpdateCheckOut(
        including_me=answer.including_me,
        inserted_at=answer.inserted_at,
        request_id=answer.request_id,
        version=answer.version,
    )


@routes.patch(
    "/api/v1/agents/self_updates/{self_update_request_id}/outcome",
    contract_path="/api/v1/agents/self_updates/{self_update_request_id}/outcome",
    auth=AGENT,
    answer=OutcomeOut,
    errors=(404, 409),
    summary="Say what became of an update",
)
def report_self_update(request: Request[OutcomePath, NoQuery, OutcomeIn], services: Services) -> OutcomeOut:
    """Taken once: the same report again changes nothing, another one is a conflict."""
    said = request.body
    report = Report(NodeState(said.status), said.version, said.reason or None)
    row = services.update_outcomes.report(request.agent, request.path.self_update_request_id, report)
    return OutcomeOut(
        self_update_request_id=row.request_id, node_id=row.node_id, status=row.state.value, version=row.agent_version
    )

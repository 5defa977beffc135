"""An agent's own executions: what waits, what it has taken, and what came of it."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field

from chalicelib.bootstrap import Services
from chalicelib.fleet.commands.executions import SORTABLE
from chalicelib.fleet.commands.model import AssignedExecution, Execution, Report, Status
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.listing import OLDEST_FIRST
from chalicelib.web.endpoint import AGENT, Endpoints, Paginated, Request
from chalicelib.web.list_query import PAGE_SIZE_MAX, PageQuery
from chalicelib.web.validation import Body, DateTime, Int32, NoBody, NoPath, NoQuery, OneOf, Path, Timestamp, Uuid

RESULT_MAX_BYTES = 6 * 1024 * 1024
"""What Lambda takes as one request (Lambda quotas, synchronous invocation): whatever arrives is taken. A long output is
cut, not refused, since an agent that is refused keeps its result and all later ones.

Of a body of 3,000,000 bytes it is certain that it arrives: API Gateway hands it on inside a JSON text, in which quotes
and backslashes take two bytes each, beside headers and context of some 30 KB."""


routes = Endpoints(tag="Agents.CommandExecution")


class ExecutionPath(Path):
    execution_id: Uuid


class OwnExecutionsQuery(PageQuery):
    """``status`` is mandatory; a page holds up to 100, the oldest first unless asked otherwise."""

    status: OneOf[Status]
    page_size: Annotated[Int32, Ge(1), Le(PAGE_SIZE_MAX)] = PAGE_SIZE_MAX


class ResultIn(Body):
    """What came of an execution."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"status": "completed", "output": "Linux\n", "exit_code": 0}}
    )

    status: Literal["completed", "expired"]
    output: str | None = None
    exit_code: Int32 | None = None
    completed_at: DateTime | None = None


class AssignedOut(BaseModel):
    """An execution as its agent needs it. ``timeout`` is in milliseconds, ``expired_at`` the deadline."""

    id: str
    command_id: str
    command_text: str
    timeout: Annotated[int | None, Field(description="In milliseconds; null: no limit")]
    expired_at: Timestamp | None
    status: OneOf[Status]
    cancel_requested_at: Timestamp | None
    inserted_at: Timestamp


class ReportedOut(BaseModel):
    """How an execution stands after its result."""

    id: str
    command_id: str
    node_id: str
    status: OneOf[Status]
    exit_code: int | None
    sent_at: Timestamp | None
    completed_at: Timestamp | None
    cancelled_at: Timestamp | None
    inserted_at: Timestamp
    updated_at: Timestamp


@routes.get(
    "/api/v1/agents/command_executions",
    auth=AGENT,
    answer=AssignedOut,
    paginated=True,
    errors=(409,),
    summary="List own executions",
)
def list_own_executions(request: Request[NoPath, OwnExecutionsQuery, NoBody], services: Services) -> Paginated:
    """Where the texts are long a page holds fewer than was asked for, and `has_next` says so: the others are in the
    same page once these have been taken."""
    """409 `identity_conflict`: another machine uses this node's identity too, and neither gets work."""
    services.nodes.require_sole(request.agent)
    asked = request.query.to_request(SORTABLE, OLDEST_FIRST)
    page = services.executions.for_agent(request.agent.node.id, request.query.status, asked)
    return Paginated([_show(row) for row in page.items], page, may_be_fewer=True)


@routes.patch(
    "/api/v1/agents/command_executions/{execution_id}/acknowledge",
    auth=AGENT,
    answer=AssignedOut,
    errors=(403, 404, 409),
    summary="Acknowledge an execution",
)
def acknowledge_execution(request: Request[ExecutionPath, NoQuery, NoBody], services: Services) -> AssignedOut:
    """From `pending` to `sent`, once: a second time is a conflict, and the agent drops what it cannot acknowledge."""
    services.nodes.require_sole(request.agent)
    return _show(services.executions.acknowledge(request.agent.node.id, request.path.execution_id))


@routes.patch(
    "/api/v1/agents/command_executions/{execution_id}/result",
    auth=AGENT,
    max_body_bytes=RESULT_MAX_BYTES,
    answer=ReportedOut,
    errors=(403, 404, 409),
    summary="Report the result of an execution",
)
def report_result(request: Request[ExecutionPath, NoQuery, ResultIn], services: Services) -> ReportedOut:
    """Taken once, also late. Exit code 143 means that the command was cancelled, 124 that it ran out of time. Of an
    output above 256 KiB head and tail are kept. A body of up to 3,000,000 bytes is never too large; beyond, up to 6
    MiB, it depends on how many of its characters need escaping."""
    body = request.body
    report = Report(
        is_expired=body.status == "expired",
        output=body.output,
        exit_code=body.exit_code,
        completed_at=None if body.completed_at is None else to_seconds_text(body.completed_at),
    )
    return _show_result(services.executions.report(request.agent.node.id, request.path.execution_id, report))


def _show(row: AssignedExecution) -> AssignedOut:
    return AssignedOut(
        id=row.id,
        command_id=row.command.id,
        command_text=row.command.command_text,
        timeout=row.command.timeout,
        expired_at=row.command.expired_at,
        status=row.status,
        cancel_requested_at=row.cancel_requested_at,
        inserted_at=row.inserted_at,
    )


def _show_result(row: Execution) -> ReportedOut:
    return ReportedOut(
        id=row.id,
        command_id=row.command_id,
        node_id=row.node_id,
        status=row.status,
        exit_code=row.exit_code,
        sent_at=row.sent_at,
        completed_at=row.completed_at,
        cancelled_at=row.cancelled_at,
        inserted_at=row.inserted_at,
        updated_at=row.updated_at,
    )

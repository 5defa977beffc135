"""Executions of commands, as operators see them."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from chalicelib.bootstrap import Services
from chalicelib.fleet.commands.executions import SORTABLE
from chalicelib.fleet.commands.model import ExecutionView, Outcome, Status
from chalicelib.fleet.commands.output import cut
from chalicelib.web.endpoint import OPERATOR, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import BoolFilter, CountFilter, DateFilter, EnumFilter, ListQuery, TextFilter, UuidFilter
from chalicelib.web.page_bytes import share_of, text_bytes
from chalicelib.web.validation import NoBody, NoPath, NoQuery, OneOf, Path, Timestamp, Uuid

routes = Endpoints(tag="Commands.CommandExecution")


class ExecutionPath(Path):
    execution_id: Uuid


class ExecutionListQuery(ListQuery):
    status: EnumFilter[Status] = None
    outcome: EnumFilter[Outcome] = None
    target_all: BoolFilter = None
    exit_code: CountFilter = None
    exit_code__gte: CountFilter = None
    exit_code__lte: CountFilter = None
    has_output: BoolFilter = None
    output: TextFilter = None
    command_id: UuidFilter = None
    node_id: UuidFilter = None
    cluster_name: TextFilter = None
    has_cluster: BoolFilter = None
    sent_at__gte: DateFilter = None
    sent_at__lte: DateFilter = None
    completed_at__gte: DateFilter = None
    completed_at__lte: DateFilter = None
    cancelled_at__gte: DateFilter = None
    cancelled_at__lte: DateFilter = None


class ExecutionOut(BaseModel):
    """``outcome`` tells success and failure apart, which are both `completed`: `failed` ended with another exit code
    than 0, `open` has not ended. ``cluster_name`` is the cluster that the command named, if it named one;
    ``output_truncated`` and ``command_text_truncated`` tell that this list shows head and tail of a text that the
    execution by itself shows whole."""

    id: str
    command_id: str
    node_id: str
    cluster_name: str | None
    target_all: bool
    status: OneOf[Status]
    outcome: OneOf[Outcome]
    command_text: str | None
    command_text_truncated: bool
    timeout: Annotated[int | None, Field(description="In milliseconds; null: no limit")]
    output: str | None
    output_truncated: bool
    exit_code: int | None
    sent_at: Timestamp | None
    completed_at: Timestamp | None
    cancelled_at: Timestamp | None
    cancel_requested_at: Timestamp | None
    expired_at: Timestamp | None
    inserted_at: Timestamp
    updated_at: Timestamp


class CancelOut(BaseModel):
    """What the cancel did."""

    result: str


@routes.get(
    "/api/v1/command_executions",
    auth=OPERATOR,
    answer=ExecutionOut,
    paginated=True,
    summary="List executions",
)
def list_executions(request: Request[NoPath, ExecutionListQuery, NoBody], services: Services) -> Paginated:
    page = services.executions.list_page(request.query.to_request(SORTABLE))
    return Paginated(_fit([_show(view) for view in page.items]), page)


@routes.get(
    "/api/v1/command_executions/{execution_id}",
    auth=OPERATOR,
    answer=ExecutionOut,
    errors=(404,),
    summary="Get an execution",
)
def get_execution(request: Request[ExecutionPath, NoQuery, NoBody], services: Services) -> ExecutionOut:
    return _show(services.executions.get(request.path.execution_id))


@routes.delete(
    "/api/v1/command_executions/{execution_id}",
    auth=OPERATOR,
    status=204,
    errors=(404, 409),
    summary="Delete a finished execution",
)
def delete_execution(request: Request[ExecutionPath, NoQuery, NoBody], services: Services) -> NoContent:
    services.executions.delete(request.path.execution_id)
    return NoContent()


@routes.patch(
    "/api/v1/command_executions/{execution_id}/cancel",
    auth=OPERATOR,
    answer=CancelOut,
    errors=(404, 409),
    summary="Cancel an execution",
)
def cancel_execution(request: Request[ExecutionPath, NoQuery, NoBody], services: Services) -> CancelOut:
    """A pending one is `cancelled` at once. The agent of a sent one is asked to stop; its result decides whether it
    ends `cancelled` or `completed`."""
    return CancelOut(result=services.executions.cancel(request.path.execution_id).value)


def _show(view: ExecutionView) -> ExecutionOut:
    row, command = view.execution, view.command
    return ExecutionOut(
        id=row.id,
        command_id=row.command_id,
        node_id=row.node_id,
        cluster_name=row.target_cluster_name,
        target_all=row.target_all,
        status=row.status,
        outcome=row.outcome,
        command_text=None if command is None else command.command_text,
        command_text_truncated=False,
        timeout=None if command is None else command.timeout,
        output=row.output,
        output_truncated=False,
        exit_code=row.exit_code,
        sent_at=row.sent_at,
        completed_at=row.completed_at,
        cancelled_at=row.cancelled_at,
        cancel_requested_at=row.cancel_requested_at,
        expired_at=None if command is None else command.expired_at,
        inserted_at=row.inserted_at,
        updated_at=row.updated_at,
    )


def _fit(items: Sequence[ExecutionOut]) -> list[ExecutionOut]:
    """The page with its longest texts and outputs cut to equal shares, if together they would not fit."""
    share = share_of([text for item in items for text in (item.command_text, item.output)])
    return list(items) if share is None else [_cut(item, share) for item in items]


def _cut(item: ExecutionOut, share: int) -> ExecutionOut:
    command_text, output = _shortened(item.command_text, share), _shortened(item.output, share)
    return item.model_copy(
        update={
            "command_text": command_text,
            "command_text_truncated": command_text != item.command_text,
            "output": output,
            "output_truncated": output != item.output,
        }
    )


def _shortened(text: str | None, share: int) -> str | None:
    size = text_bytes(text)
    shown, limit = text, len((text or "").encode())
    while text is not None and size > share:
        # Characters that JSON escapes take more bytes in the answer than in the text, and head and tail may hold more
        # of them than the middle that was dropped: so the share may take more than one step.
        limit = limit * share // size
        shown = cut(text, limit)
        size = text_bytes(shown)
    return shown

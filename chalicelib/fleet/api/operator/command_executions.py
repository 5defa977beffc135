"""Executions of commands, for operators: list, inspect, cancel and delete."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet import samples
from chalicelib.fleet.api.operator.execution_models import ExecutionListQuery, ExecutionOut
from chalicelib.fleet.api.operator.execution_revisions import LISTED, SHOWN
from chalicelib.fleet.api.operator.hiding import check_filters, without_texts
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.commands.executions import SORTABLE
from chalicelib.fleet.commands.model import CancelResult, ExecutionView
from chalicelib.fleet.commands.output import cut
from chalicelib.fleet.permissions import COMMANDS_READ, COMMANDS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Bare, Endpoints, NoContent, Paginated, Request
from chalicelib.web.page_bytes import share_of, text_bytes
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Path, Uuid

routes = Endpoints(tag="Commands.CommandExecution", auth=OPERATOR, scope=Scope.REACH)


class ExecutionPath(Path):
    execution_id: Annotated[Uuid, about("UUID of the execution.", samples.EXECUTION_ID)]


class CancelOut(BaseModel):
    """The answer to a cancel."""

    result: Annotated[
        str,
        about(
            "`execution cancelled`: it never ran. `cancellation request sent`: its agent is asked to stop it.",
            "execution cancelled",
        ),
    ]


@routes.get(
    "/api/v1/command_executions",
    permission=COMMANDS_READ,
    answer=ExecutionOut,
    paginated=True,
    revised=LISTED,
    summary="List executions",
)
def list_executions(request: Request[NoPath, ExecutionListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists executions of all commands and nodes, newest first unless ordered otherwise. If a page would be too large,
    its longest command texts and outputs are truncated in the middle and marked; an execution by itself shows them
    whole."""
    check_filters(request.query, request.principal)
    page = services.commands.executions.list_page(request.query.to_request(SORTABLE), reach=reach_of(request.principal))
    return Paginated(_fit([without_texts(_show(view), request.principal) for view in page.items]), page)


@routes.get(
    "/api/v1/command_executions/{execution_id}",
    permission=COMMANDS_READ,
    answer=ExecutionOut,
    revised=SHOWN,
    errors=(404,),
    summary="Get an execution",
)
def get_execution(request: Request[ExecutionPath, NoQuery, NoBody], services: Fleet) -> ExecutionOut:
    """Returns one execution with its whole output."""
    return without_texts(
        _show(services.commands.executions.get(request.path.execution_id, reach=reach_of(request.principal))),
        request.principal,
    )


@routes.delete(
    "/api/v1/command_executions/{execution_id}",
    permission=COMMANDS_WRITE,
    audit="execution.delete",
    status=204,
    errors=(404, 409),
    summary="Delete a finished execution",
)
def delete_execution(request: Request[ExecutionPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes an execution that has ended. Refused with 409 while it is `pending` or `sent`, and while executions of
    its command are being created."""
    services.commands.executions.delete(request.path.execution_id, reach=reach_of(request.principal))
    return NoContent()


@routes.patch(
    "/api/v1/command_executions/{execution_id}/cancel",
    permission=COMMANDS_WRITE,
    audit="execution.cancel",
    is_deferred=True,
    answer=CancelOut,
    errors=(404, 409),
    summary="Cancel an execution",
)
def cancel_execution(request: Request[ExecutionPath, NoQuery, NoBody], services: Fleet) -> CancelOut:
    """Cancels one execution. A `pending` execution becomes `cancelled` at once. For a `sent` one the agent is asked to
    stop the command, and its result decides between `cancelled` and `completed`. Refused with 409 for any other
    status."""
    return CancelOut(
        result=services.commands.executions.cancel(request.path.execution_id, reach=reach_of(request.principal)).value
    )


@routes.post(
    "/api/v1/command_executions/{execution_id}/cancel",
    permission=COMMANDS_WRITE,
    audit="execution.cancel",
    is_deferred=True,
    repeats="an execution is cancelled once, and a repeat is told that it is",
    answer=ExecutionOut,
    revised=SHOWN,
    empty=(202,),
    errors=(404, 409),
    summary="Cancel an execution and get it",
)
def cancel_and_get_execution(request: Request[ExecutionPath, NoQuery, NoBody], services: Fleet) -> ExecutionOut | Bare:
    """Cancels one execution as PATCH does, with another answer: the execution if it never ran, and 202 without a body
    if its agent is asked to stop it. Refused with 409 for any other status."""
    executions, reach = services.commands.executions, reach_of(request.principal)
    if executions.cancel(request.path.execution_id, reach=reach) is CancelResult.REQUESTED:
        return Bare("", status=202)
    return without_texts(_show(executions.get(request.path.execution_id, reach=reach)), request.principal)


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
        output_truncated=row.output_size is not None,
        output_size=row.output_size,
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
            "output_truncated": item.output_truncated or output != item.output,
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

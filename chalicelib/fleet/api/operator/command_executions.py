"""Executions of commands, for operators: list, inspect, cancel and delete."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.hiding import check_filters, without_texts
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.commands.executions import SORTABLE
from chalicelib.fleet.commands.model import CancelResult, ExecutionView, Outcome, Status
from chalicelib.fleet.commands.output import cut
from chalicelib.fleet.permissions import COMMANDS_READ, COMMANDS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Bare, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import (
    BoolFilter,
    CountFilter,
    DateFilter,
    EnumFilter,
    ListQuery,
    OrderBy,
    TextFilter,
    UuidFilter,
    at_least,
    at_most,
    matching,
    ordering,
    since,
    until,
    whether,
)
from chalicelib.web.listed_filters import EachOneOf, TextsFilter, UuidsFilter, any_of
from chalicelib.web.page_bytes import share_of, text_bytes
from chalicelib.web.spellings import SameAs, Spelled, another_name
from chalicelib.web.validation import NoBody, NoPath, NoQuery, OneOf, Path, Timestamp, Uuid

routes = Endpoints(tag="Commands.CommandExecution")


class ExecutionPath(Path):
    execution_id: Annotated[Uuid, about("UUID of the execution.", samples.EXECUTION_ID)]


class ExecutionListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    status: Annotated[EnumFilter[Status], about("Only executions in this status.")] = None
    status__in: Annotated[str | None, EachOneOf(Status), any_of("`status`")] = None
    outcome: Annotated[EnumFilter[Outcome], about("Only executions with this outcome.")] = None
    target_all: Annotated[
        BoolFilter, whether("executions of commands for all nodes", "executions of commands for some nodes")
    ] = None
    exit_code: Annotated[CountFilter, about("Exactly this exit code.")] = None
    exit_code__gte: Annotated[CountFilter, at_least("exit code")] = None
    exit_code__lte: Annotated[CountFilter, at_most("exit code")] = None
    has_output: Annotated[BoolFilter, whether("executions with output", "executions without output")] = None
    output: Annotated[TextFilter, matching("the output")] = None
    command_id: Annotated[UuidFilter, about("Only executions of the command with this UUID.")] = None
    node_id: Annotated[UuidFilter, about("Only executions on the node with this UUID.")] = None
    cluster_name: Annotated[TextFilter, matching("the cluster of the node when the execution was created")] = None
    command_id__in: Annotated[UuidsFilter, any_of("`command_id`")] = None
    node_id__in: Annotated[UuidsFilter, any_of("`node_id`")] = None
    cluster_name__in: Annotated[TextsFilter, any_of("the cluster of the node when the execution was created")] = None
    has_cluster: Annotated[
        BoolFilter, whether("executions with a `cluster_name`", "executions whose `cluster_name` is null")
    ] = None
    sent_at__gte: Annotated[DateFilter, since("Taken by the agent")] = None
    sent_at__lte: Annotated[DateFilter, until("Taken by the agent")] = None
    completed_at__gte: Annotated[DateFilter, since("Ended with a result")] = None
    completed_at__lte: Annotated[DateFilter, until("Ended with a result")] = None
    cancelled_at__gte: Annotated[DateFilter, since("Cancelled")] = None
    cancelled_at__lte: Annotated[DateFilter, until("Cancelled")] = None


class ExecutionOut(Spelled):
    """One command on one node: its status, output and exit code."""

    id: Annotated[str, fields.EXECUTION]
    command_id: Annotated[str, fields.COMMAND]
    node_id: Annotated[str, fields.NODE]
    cluster_name: Annotated[
        str | None,
        about(
            "The cluster that the command was given to; null if it named nodes, several clusters or all.",
            samples.CLUSTER,
        ),
    ]
    target_all: Annotated[bool, fields.TARGET_ALL]
    status: Annotated[OneOf[Status], fields.EXECUTION_STATUS]
    outcome: Annotated[
        OneOf[Outcome],
        about(
            "`open`: no end yet. `succeeded`: completed with exit code 0 or none. `failed`: completed with another "
            "exit code. `cancelled` and `expired` are as in `status`.",
            "succeeded",
        ),
    ]
    command_text: Annotated[
        str | None,
        about(
            "Command line for the shell of the node; null if the command was deleted long ago, and for keys that read "
            "no outputs.",
            samples.COMMAND_TEXT,
        ),
    ]
    command_text_truncated: Annotated[
        bool, about("Whether the middle of `command_text` was left out to fit the page; only lists do that.", False)
    ]
    timeout: Annotated[int | None, fields.TIMEOUT]
    output: Annotated[
        str | None,
        about(
            "What the command wrote to stdout and stderr; above 256 KiB it is truncated in the middle. Null: none, or "
            "the key reads no outputs.",
            samples.OUTPUT,
        ),
    ]
    output_truncated: Annotated[
        bool,
        about(
            "Whether `output` is not the whole: a list shortened it to fit the page, or the agent stored more.", False
        ),
    ]
    output_size: Annotated[int | None, about("Bytes of the whole output, if it is stored apart.", None)]
    exit_code: Annotated[int | None, fields.EXIT_CODE]
    sent_at: Annotated[Timestamp | None, fields.SENT_AT]
    completed_at: Annotated[Timestamp | None, fields.COMPLETED_AT]
    cancelled_at: Annotated[Timestamp | None, fields.CANCELLED_AT]
    cancel_requested_at: Annotated[Timestamp | None, fields.CANCEL_REQUESTED_AT]
    expired_at: Annotated[Timestamp | None, fields.DEADLINE]
    expires_at: Annotated[Timestamp | None, SameAs("expired_at"), another_name("expired_at", samples.DAY_LATER)] = None
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


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
    auth=OPERATOR,
    permission=COMMANDS_READ,
    scope=Scope.REACH,
    answer=ExecutionOut,
    paginated=True,
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
    auth=OPERATOR,
    permission=COMMANDS_READ,
    scope=Scope.REACH,
    answer=ExecutionOut,
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
    auth=OPERATOR,
    permission=COMMANDS_WRITE,
    scope=Scope.REACH,
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
    auth=OPERATOR,
    permission=COMMANDS_WRITE,
    scope=Scope.REACH,
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
    auth=OPERATOR,
    permission=COMMANDS_WRITE,
    scope=Scope.REACH,
    audit="execution.cancel",
    is_deferred=True,
    repeats="an execution is cancelled once, and a repeat is told that it is",
    answer=ExecutionOut,
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

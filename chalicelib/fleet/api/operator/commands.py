"""Commands, as operators give them."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from annotated_types import Ge, MinLen
from pydantic import BaseModel, ConfigDict, Field

from chalicelib.bootstrap import Services
from chalicelib.fleet.api.operator.targeting import TargetingIn
from chalicelib.fleet.commands.model import Command, CommandState, CommandSummary, NewCommand
from chalicelib.fleet.commands.service import SORTABLE
from chalicelib.web.endpoint import OPERATOR, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import (
    BoolFilter,
    DateFilter,
    ListQuery,
    PositiveFilter,
    TextFilter,
)
from chalicelib.web.validation import (
    Body,
    DateTime,
    Int32,
    NoBody,
    NoPath,
    NoQuery,
    OneOf,
    Path,
    Timestamp,
    Uuid,
    nullable,
)

TIMEOUT: Any = Field(description="Milliseconds that a machine lets it run; null: no limit")
MILLISECONDS: Any = Field(description="In milliseconds")

routes = Endpoints(tag="Commands.Command")


class CommandCreate(Body):
    """A new command. ``timeout`` is in milliseconds. ``expired_at`` is its deadline: left out, it is a day from now (a
    setting of the installation); null, the command waits for ever for machines that are off."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "command_text": "uname -a",
                "timeout": 30000,
                "targeting": {"type": "clusters", "cluster_names": ["north"], "node_filters": {"status": "healthy"}},
            }
        }
    )

    command_text: Annotated[str, MinLen(1)]
    timeout: Annotated[Annotated[Int32, Ge(1)] | None, TIMEOUT] = None
    expired_at: DateTime | None = None
    targeting: TargetingIn


class CommandPath(Path):
    command_id: Uuid


class CommandListQuery(ListQuery):
    command_text: TextFilter = None
    has_timeout: BoolFilter = None
    timeout__gte: Annotated[PositiveFilter, MILLISECONDS] = None
    timeout__lte: Annotated[PositiveFilter, MILLISECONDS] = None
    has_expired_at: BoolFilter = None
    expired_at__gte: DateFilter = None
    expired_at__lte: DateFilter = None


class CommandOut(BaseModel):
    """A command."""

    id: str
    command_text: str
    timeout: Annotated[int | None, TIMEOUT]
    expired_at: Timestamp | None
    targeting: dict[str, Any]
    inserted_at: Timestamp
    updated_at: Timestamp


class CommandSummaryOut(BaseModel):
    """Executions of the command by outcome. ``open`` ones are ``pending`` or ``sent``; ``total`` is their sum with
    those that have ended."""

    total: int
    open: int
    pending: int
    sent: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int


class CommandWithSummaryOut(CommandOut):
    """``state`` is `creating` while executions are being created, `running` while some are open, then `finished`.
    ``targets`` is the number of nodes that the command is for, null while `creating`; ``finished_at`` is when the last
    execution ended. ``summary`` is null for a command
    with more executions than are counted while somebody waits (100,000)."""

    state: OneOf[CommandState]
    targets: int | None
    finished_at: Timestamp | None
    summary: Annotated[CommandSummaryOut | None, nullable(CommandSummaryOut)]


class CommandAcceptedOut(CommandOut):
    """A command that was just accepted: executions are being created."""

    state: OneOf[CommandState]


class CommandCancelOut(BaseModel):
    result: Literal["cancellation requested"]


@routes.post(
    "/api/v1/commands",
    auth=OPERATOR,
    answer=CommandAcceptedOut,
    status=201,
    errors=(422,),
    summary="Run a command on nodes",
)
def create_command(request: Request[NoPath, NoQuery, CommandCreate], services: Services) -> Created:
    """Accepted at once; an execution for each node follows. Node ids and cluster names that do not exist are refused;
    that filters leave no node is no error. Nodes that enrol later do not run it."""
    body = request.body
    command = services.commands.create(
        NewCommand(
            body.command_text,
            body.targeting.to_targeting(),
            body.timeout,
            body.expired_at,
            never_expires="expired_at" in body.model_fields_set and body.expired_at is None,
            allow_missing=body.targeting.allow_missing,
        )
    )
    accepted = CommandAcceptedOut(**_show(command).model_dump(), state="creating")
    return Created(accepted, location=f"/api/v1/commands/{command.id}")


@routes.get(
    "/api/v1/commands",
    auth=OPERATOR,
    answer=CommandOut,
    paginated=True,
    summary="List commands",
)
def list_commands(request: Request[NoPath, CommandListQuery, NoBody], services: Services) -> Paginated:
    page = services.commands.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(command) for command in page.items], page)


@routes.get(
    "/api/v1/commands/{command_id}",
    auth=OPERATOR,
    answer=CommandWithSummaryOut,
    errors=(404,),
    summary="Get a command",
)
def get_command(request: Request[CommandPath, NoQuery, NoBody], services: Services) -> CommandWithSummaryOut:
    """`state`, `targets`, `finished_at` and `summary` are a moment late: an index and the change stream tell them. A
    machine that had just enrolled when the command was given may be found by a second look, some minutes later: a
    finished command is then `running` again."""
    command, progress = services.commands.get_with_progress(request.path.command_id)
    summary = progress.summary
    return CommandWithSummaryOut(
        **_show(command).model_dump(),
        state=progress.state,
        targets=progress.targets,
        finished_at=progress.finished_at,
        summary=None if summary is None else _show_summary(summary),
    )


@routes.post(
    "/api/v1/commands/{command_id}/cancel",
    auth=OPERATOR,
    answer=CommandCancelOut,
    status=202,
    errors=(404,),
    summary="Cancel all open executions of a command",
)
def cancel_command(request: Request[CommandPath, NoQuery, NoBody], services: Services) -> CommandCancelOut:
    """No further execution is created. What no agent has is cancelled; agents are asked to stop what they have."""
    services.commands.cancel(request.path.command_id)
    return CommandCancelOut(result="cancellation requested")


@routes.delete(
    "/api/v1/commands/{command_id}",
    auth=OPERATOR,
    status=204,
    errors=(404, 409),
    summary="Delete a command and its executions",
)
def delete_command(request: Request[CommandPath, NoQuery, NoBody], services: Services) -> NoContent:
    """Refused while an execution is `pending` or `sent`, or while executions are being created."""
    services.commands.delete(request.path.command_id)
    return NoContent()


def _show_summary(summary: CommandSummary) -> CommandSummaryOut:
    return CommandSummaryOut(total=summary.total, open=summary.open, **asdict(summary))


def _show(command: Command) -> CommandOut:
    return CommandOut(
        id=command.id,
        command_text=command.command_text,
        timeout=command.timeout,
        expired_at=command.expired_at,
        targeting=command.targeting.model_dump(mode="json", exclude_none=True),
        inserted_at=command.inserted_at,
        updated_at=command.updated_at,
    )

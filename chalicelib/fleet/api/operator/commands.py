"""Commands, for operators: run, list, inspect, cancel and delete."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, MinLen
from pydantic import BaseModel

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.command_parts import CommandListQuery, CommandScheduleOut, CommandScriptOut
from chalicelib.fleet.api.operator.hiding import check_filters, without_texts
from chalicelib.fleet.api.operator.rollout_models import (
    CommandSummaryOut,
    RolloutIn,
    RolloutOut,
    show_rollout,
    show_summary,
)
from chalicelib.fleet.api.operator.targeting import TargetingIn
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.commands.model import Command, CommandState, NewCommand
from chalicelib.fleet.commands.rollout import RolloutState, Standing
from chalicelib.fleet.commands.service import SORTABLE
from chalicelib.fleet.permissions import COMMANDS_READ, COMMANDS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.spellings import SameAs, Spelled, another_name
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

routes = Endpoints(tag="Commands.Command", auth=OPERATOR, scope=Scope.REACH)

_BEGUN = Standing(RolloutState.RUNNING)


class CommandCreate(Body):
    """A new command and the nodes that run it."""

    command_text: Annotated[str, MinLen(1), fields.COMMAND_TEXT]
    timeout: Annotated[Annotated[Int32, Ge(1)] | None, fields.TIMEOUT] = None
    expired_at: Annotated[
        DateTime | None,
        about(
            "Deadline: executions that have no result by then expire. Left out: a day from now (the setting "
            "COMMAND_DEFAULT_DEADLINE). Null: no deadline, so that nodes run the command whenever they come back.",
            samples.DAY_LATER,
        ),
    ] = None
    expires_at: Annotated[DateTime | None, SameAs("expired_at"), another_name("expired_at", samples.DAY_LATER)] = None
    targeting: Annotated[TargetingIn, about("The nodes that run the command.")]
    rollout: Annotated[
        RolloutIn | None,
        about("Makes executions in waves, as earlier ones end. Null or left out: all are made at once."),
    ] = None


class CommandPath(Path):
    command_id: Annotated[Uuid, about("UUID of the command.", samples.COMMAND_ID)]


class CommandOut(Spelled):
    """A command line and the nodes that it was given to."""

    id: Annotated[str, about("UUID of the command.", samples.COMMAND_ID, format="uuid")]
    command_text: Annotated[
        str | None,
        about("Command line for the shell of the node; null for keys that read no outputs.", samples.COMMAND_TEXT),
    ]
    timeout: Annotated[int | None, fields.TIMEOUT]
    expired_at: Annotated[Timestamp | None, fields.DEADLINE]
    expires_at: Annotated[Timestamp | None, SameAs("expired_at"), another_name("expired_at", samples.DAY_LATER)] = None
    targeting: Annotated[dict[str, Any], fields.TARGETING]
    retry_of: Annotated[
        str | None,
        about("UUID of the command that this one repeats on some of its nodes; null: of none.", None, format="uuid"),
    ]
    schedule: Annotated[
        CommandScheduleOut | None, nullable(CommandScheduleOut), about("The schedule that gave it; null: none.")
    ]
    script: Annotated[
        CommandScriptOut | None, nullable(CommandScriptOut), about("The saved script that it runs; null: none.")
    ]
    rollout: Annotated[RolloutOut | None, nullable(RolloutOut), about("The waves in which it goes out; null: none.")]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


class CommandWithSummaryOut(CommandOut):
    """A command and how far its executions are."""

    state: Annotated[OneOf[CommandState], fields.COMMAND_STATE]
    targets: Annotated[
        int | None, about("Number of nodes that the command is for; null while `creating`.", 3, minimum=0)
    ]
    finished_at: Annotated[
        Timestamp | None, about("When the last execution ended; null before that.", samples.TWO_SECONDS_LATER)
    ]
    summary: Annotated[
        CommandSummaryOut | None,
        nullable(CommandSummaryOut),
        about("Executions by outcome; null for a command with more than 100,000 of them."),
    ]


class CommandAcceptedOut(CommandOut):
    """A command that was just accepted."""

    state: Annotated[OneOf[CommandState], about("`creating`: the executions are being created.", "creating")]


class CommandCancelOut(BaseModel):
    """The answer to a cancel."""

    result: Annotated[
        Literal["cancellation requested"], about("Always the same text: cancelling goes on in the background.")
    ]


@routes.post(
    "/api/v1/commands",
    permission=COMMANDS_WRITE,
    audit="command.create",
    is_deferred=True,
    answer=CommandAcceptedOut,
    status=201,
    errors=(422,),
    summary="Run a command on nodes",
)
def create_command(request: Request[NoPath, NoQuery, CommandCreate], services: Fleet) -> Created:
    """Runs a command on nodes: answers at once, and creates an execution for each matching node in the background.
    Succeeds even if no node matches. Refused with 422 for node ids and cluster names that do not exist, unless
    `targeting.allow_missing` is true, and for a deadline in the past. Nodes that enrol later do not run the command."""
    body = request.body
    new = NewCommand(
        body.command_text,
        body.targeting.to_targeting(),
        body.timeout,
        body.expired_at,
        never_expires="expired_at" in body.model_fields_set and body.expired_at is None,
        allow_missing=body.targeting.allow_missing,
        rollout=None if body.rollout is None else body.rollout.to_limits(),
    )
    return request.once(
        lambda: services.commands.registry.create(new, reach=reach_of(request.principal), is_awaited=True),
        lambda command: accepted(command, request.principal),
    )


@routes.get(
    "/api/v1/commands",
    permission=COMMANDS_READ,
    answer=CommandOut,
    paginated=True,
    summary="List commands",
)
def list_commands(request: Request[NoPath, CommandListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists commands without their progress, newest first unless ordered otherwise."""
    check_filters(request.query, request.principal)
    page = services.commands.registry.list_page(request.query.to_request(SORTABLE), reach=reach_of(request.principal))
    return Paginated([show(command, request.principal) for command in page.items], page)


@routes.get(
    "/api/v1/commands/{command_id}",
    permission=COMMANDS_READ,
    answer=CommandWithSummaryOut,
    errors=(404,),
    summary="Get a command",
)
def get_command(request: Request[CommandPath, NoQuery, NoBody], services: Fleet) -> CommandWithSummaryOut:
    """Returns a command with its progress, which is about a second behind the executions. A second search, some minutes
    after the first, finds nodes that had only just enrolled: a command that was `finished` is then `running` again."""
    command, progress = services.commands.registry.get_with_progress(
        request.path.command_id, reach=reach_of(request.principal)
    )
    summary = progress.summary
    return CommandWithSummaryOut(
        **show(command, request.principal, progress.rollout).model_dump(),
        state=progress.state,
        targets=progress.targets,
        finished_at=progress.finished_at,
        summary=None if summary is None else show_summary(summary),
    )


@routes.post(
    "/api/v1/commands/{command_id}/cancel",
    permission=COMMANDS_WRITE,
    audit="command.cancel",
    is_deferred=True,
    answer=CommandCancelOut,
    status=202,
    errors=(404,),
    summary="Cancel all open executions of a command",
)
def cancel_command(request: Request[CommandPath, NoQuery, NoBody], services: Fleet) -> CommandCancelOut:
    """Cancels all open executions of a command in the background and creates no further ones. Executions that no agent
    has taken are cancelled; agents are asked to stop those that they run. Succeeds even if the command has finished.
    With a key that is restricted to clusters, a command that also runs in others is cancelled in those clusters only,
    and goes on elsewhere."""
    return request.once(
        lambda: services.commands.registry.cancel(request.path.command_id, reach=reach_of(request.principal)),
        lambda _: CommandCancelOut(result="cancellation requested"),
    )


@routes.delete(
    "/api/v1/commands/{command_id}",
    permission=COMMANDS_WRITE,
    audit="command.delete",
    status=204,
    errors=(404, 409),
    summary="Delete a command and its executions",
)
def delete_command(request: Request[CommandPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes a command and its executions. Refused with 409 while an execution is `pending` or `sent`, and while
    executions are being created; with 403 if the key is restricted to clusters and the command also ran in others."""
    services.commands.registry.delete(request.path.command_id, reach=reach_of(request.principal))
    return NoContent()


def accepted(command: Command, principal: Principal) -> Created:
    """The answer to a request that made a command."""
    shown = CommandAcceptedOut(**show(command, principal, _BEGUN).model_dump(), state="creating")
    return Created(shown, location=f"/api/v1/commands/{command.id}")


def show(command: Command, principal: Principal, standing: Standing | None = None) -> CommandOut:
    """A command, and what its rollout does now if that was read."""
    targeting = command.targeting.shown(reach_of(principal))
    schedule = command.schedule if command.targeting.is_shown_to(reach_of(principal)) else None
    shown = CommandOut(
        id=command.id,
        command_text=command.command_text,
        timeout=command.timeout,
        expired_at=command.expired_at,
        targeting=targeting,
        retry_of=targeting.get("command_id"),
        schedule=None if schedule is None else CommandScheduleOut(id=schedule.id, name=schedule.name),
        script=None if command.script is None else CommandScriptOut.model_validate(command.script.model_dump()),
        rollout=show_rollout(command.rollout, standing),
        inserted_at=command.inserted_at,
        updated_at=command.updated_at,
    )
    return without_texts(shown, principal)

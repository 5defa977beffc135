"""Retries of commands, for operators."""

from typing import Annotated

from annotated_types import Ge, MaxLen, MinLen

from chalicelib.fleet import samples
from chalicelib.fleet.api.operator.commands import CommandAcceptedOut, CommandPath, accepted
from chalicelib.fleet.api.operator.rollout_models import RolloutIn
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.commands.model import RetriedOutcome, Retry
from chalicelib.fleet.permissions import COMMANDS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, Request
from chalicelib.web.spellings import SameAs, another_name
from chalicelib.web.validation import Body, CountedFirst, DateTime, Int32, NoQuery, OneOf

routes = Endpoints(tag="Commands.Command")


class CommandRetry(Body):
    """Which executions of a command are repeated, and how."""

    outcomes: Annotated[
        list[OneOf[RetriedOutcome]],
        MinLen(1),
        MaxLen(10),
        CountedFirst(),
        about("Repeats the command on the nodes whose executions have one of these outcomes.", ["failed", "expired"]),
    ]
    command_text: Annotated[
        str | None,
        MinLen(1),
        about("Corrected command line. Left out or null: the same as before.", samples.COMMAND_TEXT),
    ] = None
    timeout: Annotated[
        Annotated[Int32, Ge(1)] | None,
        about("Milliseconds that a node lets it run; null: no limit. Left out: as before.", 30000, minimum=1),
    ] = None
    expired_at: Annotated[
        DateTime | None,
        about(
            "Deadline of the new command. Left out: a day from now (the setting COMMAND_DEFAULT_DEADLINE), whatever "
            "that of the first was. Null: none.",
            samples.DAY_LATER,
        ),
    ] = None
    expires_at: Annotated[DateTime | None, SameAs("expired_at"), another_name("expired_at", samples.DAY_LATER)] = None
    rollout: Annotated[
        RolloutIn | None,
        about(
            "Makes executions in waves, as earlier ones end. Null or left out: all are made at once, whatever the "
            "first command did."
        ),
    ] = None


@routes.post(
    "/api/v1/commands/{command_id}/retry",
    auth=OPERATOR,
    permission=COMMANDS_WRITE,
    scope=Scope.REACH,
    audit="command.retry",
    is_deferred=True,
    answer=CommandAcceptedOut,
    status=201,
    errors=(403, 404, 409, 422),
    summary="Run a command again where it did not succeed",
)
def retry_command(request: Request[CommandPath, NoQuery, CommandRetry], services: Fleet) -> Created:
    """Makes a new command for the nodes whose executions of this one have one of the chosen outcomes, of any number.
    Executions are taken as they are now: those that are still open, and those that change before their turn has come,
    are left out. Nodes that were deleted are passed over, so that the new command may have fewer `targets` than the
    `summary` of the first counts. Refused with 409 if no execution has such an outcome, with 403 for a command with
    secrets if the key may not use them, with 422 for another text of such a command. Keep the first command until the
    new one is no longer `creating`: with it, its executions would be deleted and not be found."""
    body = request.body
    wanted = Retry(
        tuple(body.outcomes),
        body.command_text,
        body.timeout,
        no_timeout="timeout" in body.model_fields_set and body.timeout is None,
        expired_at=body.expired_at,
        never_expires="expired_at" in body.model_fields_set and body.expired_at is None,
        rollout=None if body.rollout is None else body.rollout.to_limits(),
    )
    return request.once(
        lambda: services.commands.retries.retry(
            request.path.command_id, wanted, reach=reach_of(request.principal), by=request.principal
        ),
        lambda command: accepted(command, request.principal),
    )

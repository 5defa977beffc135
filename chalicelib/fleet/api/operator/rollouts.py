"""Rollouts of commands, for operators: pause, resume and stop."""

from chalicelib.fleet.api.operator.commands import CommandOut, CommandPath, show
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.commands.steering import Steered
from chalicelib.fleet.permissions import COMMANDS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Commands.Command", auth=OPERATOR, scope=Scope.REACH)


@routes.post(
    "/api/v1/commands/{command_id}/pause",
    permission=COMMANDS_WRITE,
    audit="command.pause",
    answer=CommandOut,
    errors=(403, 404, 409),
    summary="Pause the rollout of a command",
)
def pause_command(request: Request[CommandPath, NoQuery, NoBody], services: Fleet) -> CommandOut:
    """Makes no further executions until the rollout is resumed. Those that are open go on, and their errors count:
    more than `max_errors` stop a paused rollout. Pausing twice changes nothing, nor does pausing one that has ended.
    Refused with 409 for a command without a rollout, with 403 if it is also for clusters that the key is not for."""
    return request.once(
        lambda: services.commands.steering.pause(request.path.command_id, reach=reach_of(request.principal)),
        lambda steered: _show(steered, request.principal),
    )


@routes.post(
    "/api/v1/commands/{command_id}/resume",
    permission=COMMANDS_WRITE,
    audit="command.resume",
    answer=CommandOut,
    errors=(403, 404, 409),
    summary="Resume the rollout of a command",
)
def resume_command(request: Request[CommandPath, NoQuery, NoBody], services: Fleet) -> CommandOut:
    """Has a paused rollout make executions again, as many as may be open. One that is not paused stays as it is; so
    does one that has stopped, which a retry follows. Refused as a pause is."""
    return request.once(
        lambda: services.commands.steering.resume(request.path.command_id, reach=reach_of(request.principal)),
        lambda steered: _show(steered, request.principal),
    )


@routes.post(
    "/api/v1/commands/{command_id}/stop",
    permission=COMMANDS_WRITE,
    audit="command.stop",
    answer=CommandOut,
    errors=(403, 404, 409),
    summary="Stop the rollout of a command",
)
def stop_command(request: Request[CommandPath, NoQuery, NoBody], services: Fleet) -> CommandOut:
    """Makes no further executions, for good: nodes that wait are `skipped`. Executions that are open go on to their
    ends; `cancel` ends these as well. Stopping twice changes nothing, nor does stopping one that has ended. Refused
    as a pause is."""
    return request.once(
        lambda: services.commands.steering.stop(request.path.command_id, reach=reach_of(request.principal)),
        lambda steered: _show(steered, request.principal),
    )


def _show(steered: Steered, principal: Principal) -> CommandOut:
    return show(steered.command, principal, steered.standing)

"""Schedules, for operators: make, list, change, pause and delete them, and read their history."""

from chalicelib.fleet.api.operator.rollout_models import RolloutLimitsOut
from chalicelib.fleet.api.operator.schedule_models import (
    IfOfflineOut,
    RunListQuery,
    RunsPath,
    ScheduleCreate,
    ScheduledCommandOut,
    ScheduledScriptOut,
    ScheduleListQuery,
    ScheduleOut,
    ScheduleOwnerOut,
    SchedulePath,
    ScheduleRunOut,
    ScheduleUpdate,
)
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import COMMANDS_READ, COMMANDS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.schedules.model import Run, Schedule
from chalicelib.fleet.schedules.store import SORTABLE
from chalicelib.fleet.schedules.times import next_times
from chalicelib.fleet.scripts.model import ScriptCall
from chalicelib.fleet.wiring import Fleet
from chalicelib.platform.access.principal import Principal, Scope, known_by
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Commands.Schedule", auth=OPERATOR, scope=Scope.REACH)

SHOWN_TIMES = 5


@routes.post(
    "/api/v1/schedules",
    permission=COMMANDS_WRITE,
    audit="schedule.create",
    answer=ScheduleOut,
    status=201,
    errors=(403, 409, 422),
    summary="Create a schedule",
)
def create_schedule(request: Request[NoPath, NoQuery, ScheduleCreate], services: Fleet) -> Created:
    """Gives a command at a time, or again and again, with the rights that the calling key has at that time. It runs
    within about two minutes after its time. A time that a change of clocks skips is the first that there is; one that
    comes twice is the first. Refused with 409 for a name that is taken, with 422 for a command that would be refused
    now and for times that never come."""
    return request.once(
        lambda: services.schedules.registry.create(
            request.body.definition(), request.principal, reach=reach_of(request.principal)
        ),
        lambda schedule: Created(_show(schedule, request.principal), location=f"/api/v1/schedules/{schedule.id}"),
    )


@routes.get(
    "/api/v1/schedules",
    permission=COMMANDS_READ,
    answer=ScheduleOut,
    paginated=True,
    summary="List schedules",
)
def list_schedules(request: Request[NoPath, ScheduleListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists schedules, newest first unless ordered otherwise. A key that is restricted to clusters sees those that can
    run in these alone."""
    page = services.schedules.registry.list_page(request.query.to_request(SORTABLE), reach=reach_of(request.principal))
    return Paginated([_show(schedule, request.principal) for schedule in page.items], page)


@routes.get(
    "/api/v1/schedules/{schedule_id}",
    permission=COMMANDS_READ,
    answer=ScheduleOut,
    errors=(404,),
    summary="Get a schedule",
)
def get_schedule(request: Request[SchedulePath, NoQuery, NoBody], services: Fleet) -> ScheduleOut:
    """Returns one schedule with its next times."""
    schedule = services.schedules.registry.get(request.path.schedule_id, reach=reach_of(request.principal))
    return _show(schedule, request.principal)


@routes.patch(
    "/api/v1/schedules/{schedule_id}",
    permission=COMMANDS_WRITE,
    audit="schedule.update",
    answer=ScheduleOut,
    errors=(403, 404, 409, 422),
    summary="Change a schedule",
)
def update_schedule(request: Request[SchedulePath, NoQuery, ScheduleUpdate], services: Fleet) -> ScheduleOut:
    """Changes a schedule, which runs with the rights of the calling key from then on. Refused as a new one is, and with
    409 if another change comes in between."""
    registry = services.schedules.registry
    reach = reach_of(request.principal)
    known = registry.get(request.path.schedule_id, reach=reach)
    if not request.body.model_fields_set:
        return _show(known, request.principal)
    changed = registry.change(
        known.id, request.body.definition(known.definition), known, request.principal, reach=reach
    )
    return _show(changed, request.principal)


@routes.post(
    "/api/v1/schedules/{schedule_id}/pause",
    permission=COMMANDS_WRITE,
    audit="schedule.pause",
    answer=ScheduleOut,
    errors=(404,),
    example={"state": "paused", "next_runs": []},
    summary="Pause a schedule",
)
def pause_schedule(request: Request[SchedulePath, NoQuery, NoBody], services: Fleet) -> ScheduleOut:
    """Has a schedule give no commands until it is resumed. Those that it has given go on. Pausing twice changes
    nothing, nor does pausing a finished one."""
    return request.once(
        lambda: services.schedules.registry.pause(request.path.schedule_id, reach=reach_of(request.principal)),
        lambda schedule: _show(schedule, request.principal),
    )


@routes.post(
    "/api/v1/schedules/{schedule_id}/resume",
    permission=COMMANDS_WRITE,
    audit="schedule.resume",
    answer=ScheduleOut,
    errors=(403, 404, 409, 422),
    summary="Resume a schedule",
)
def resume_schedule(request: Request[SchedulePath, NoQuery, NoBody], services: Fleet) -> ScheduleOut:
    """Has a paused schedule run again from its next time on, with the rights of the calling key. Refused with 409 if
    its only time has passed."""
    return request.once(
        lambda: services.schedules.registry.resume(
            request.path.schedule_id, request.principal, reach=reach_of(request.principal)
        ),
        lambda schedule: _show(schedule, request.principal),
    )


@routes.delete(
    "/api/v1/schedules/{schedule_id}",
    permission=COMMANDS_WRITE,
    audit="schedule.delete",
    status=204,
    errors=(404,),
    summary="Delete a schedule",
)
def delete_schedule(request: Request[SchedulePath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes a schedule with its history. The commands that it has given stay and go on."""
    services.schedules.registry.delete(request.path.schedule_id, reach=reach_of(request.principal))
    return NoContent()


@routes.get(
    "/api/v1/schedules/{schedule_id}/runs",
    permission=COMMANDS_READ,
    answer=ScheduleRunOut,
    errors=(404,),
    paginated=True,
    summary="List the past times of a schedule",
)
def list_schedule_runs(request: Request[RunsPath, RunListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists what became of the times of a schedule in the last 90 days, newest first. If the installation was
    late for several times, only the newest is run, and the others are one entry."""
    page = services.schedules.registry.runs(
        request.path.schedule_id, request.query.to_request(()), reach=reach_of(request.principal)
    )
    return Paginated([_show_run(run) for run in page.items], page)


def _show_run(run: Run) -> ScheduleRunOut:
    return ScheduleRunOut.model_validate(run.model_dump(mode="json", exclude={"id", "schedule_id"}))


def _show_script(script: ScriptCall | None, principal: Principal) -> ScheduledScriptOut | None:
    if script is None:
        return None
    parameters = {**script.parameters} if principal.outputs else None
    return ScheduledScriptOut(name=script.name, parameters=parameters, secrets={**script.secrets})


def _show(schedule: Schedule, principal: Principal) -> ScheduleOut:
    command = schedule.command
    return ScheduleOut(
        id=schedule.id,
        name=schedule.name,
        command=ScheduledCommandOut(
            command_text=command.command_text if principal.outputs else None,
            script=_show_script(command.script, principal),
            timeout=command.timeout,
            targeting=command.targeting.model_dump(mode="json", exclude_none=True, exclude={"within"}),
            rollout=None if command.rollout is None else RolloutLimitsOut(**command.rollout.model_dump()),
        ),
        once_at=schedule.timing.once_at,
        cron=schedule.timing.cron,
        timezone=schedule.timing.timezone,
        if_offline=IfOfflineOut(
            skip=schedule.run_within_seconds is None, run_within_seconds=schedule.run_within_seconds
        ),
        state=schedule.state,
        reason=schedule.reason,
        owner=ScheduleOwnerOut(id=known_by(schedule.owner)[1], name=schedule.owner_name),
        next_runs=next_times(schedule.timing, schedule.next_at, SHOWN_TIMES),
        inserted_at=schedule.inserted_at,
        updated_at=schedule.updated_at,
    )

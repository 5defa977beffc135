"""Requests and answers of schedules."""

from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, Field

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.rollout_models import RolloutIn, RolloutLimitsOut
from chalicelib.fleet.api.operator.script_models import NamedSecrets, ScriptName, Value
from chalicelib.fleet.api.operator.targeting import TargetingIn
from chalicelib.fleet.schedules.model import Definition, Result, ScheduledCommand, State, Timing
from chalicelib.fleet.schedules.store import SORTABLE
from chalicelib.fleet.scripts.model import PARAMETERS_MAX, ScriptCall
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import invalid
from chalicelib.kit.fields import about
from chalicelib.web.list_query import EnumFilter, ListQuery, OrderBy, TextFilter, matching, ordering
from chalicelib.web.validation import (
    Body,
    Boolean,
    CountedFirst,
    DateTime,
    Int32,
    OneOf,
    Path,
    Timestamp,
    Uuid,
    nullable,
)

TEXT_OR_SCRIPT = "give either command_text or script"

SKIP_OR_RUN = "give either skip: true or run_within_seconds"

LONGEST_WINDOW = 30 * 24 * 3600

_ID = about("UUID of the schedule.", samples.SCHEDULE_ID, format="uuid")
_NAME = about("Name of the schedule; no other has the same.", samples.SCHEDULE)
_ONCE_AT = about("The only time at which it runs; null: it has a `cron` expression.", None)
_CRON = about(
    "Five fields: minute, hour, day of month, month, day of week, as cron of Debian understands them. Null: it runs "
    "once.",
    samples.CRON,
)
_TIMEZONE = about("IANA name of the time zone on whose clocks `cron` is meant.", samples.TIMEZONE)
_SKIP = about("Machines that are off at that time do not run the command.", True)
_WITHIN = about("Seconds after its time within which machines that were off still run the command.", None)
_STATE = about("`paused`: by its users, or for `reason`. `finished`: its only time has passed.", "active")

_COMMAND_TEXT = about(
    "Command line for the shell of the node; null: it runs a script, or the key reads no outputs.",
    samples.COMMAND_TEXT,
)
_SECRETS = about("Its secrets by the names of sensitive parameters.", {})
_SCRIPT = about("Name of a saved script.", samples.SCRIPT)

ScheduleNameText = Annotated[str, MinLen(1), MaxLen(100)]


class SchedulePath(Path):
    schedule_id: Annotated[Uuid, about("UUID of the schedule that this is about.", samples.SCHEDULE_ID)]


class RunsPath(Path):
    schedule_id: Annotated[Uuid, about("UUID of the schedule whose past times are listed.", samples.SCHEDULE_ID)]


class ScheduleListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    name: Annotated[TextFilter, matching("the name of the schedule")] = None
    state: Annotated[EnumFilter[State], about("Only schedules in this state.")] = None


class RunListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(())] = None
    result: Annotated[EnumFilter[Result], about("Only times with this result.")] = None


class IfOffline(Body):
    """How machines are treated that are off at the time: either `skip`, or `run_within_seconds`."""

    model_config = ConfigDict(json_schema_extra={"example": {"run_within_seconds": 3600}})

    skip: Annotated[Boolean | None, _SKIP] = None
    run_within_seconds: Annotated[Annotated[Int32, Ge(60), Le(LONGEST_WINDOW)] | None, _WITHIN] = None

    def window(self) -> int | None:
        """The seconds; None to skip. Raises `EdgeError` (validation failed) unless exactly one is given."""
        if (self.skip is True) == (self.run_within_seconds is not None):
            raise invalid("if_offline", SKIP_OR_RUN)
        return self.run_within_seconds


class ScheduledScriptIn(Body):
    """A saved script, and the values of its parameters."""

    name: Annotated[ScriptName, _SCRIPT]
    parameters: Annotated[
        dict[str, Value],
        MaxLen(PARAMETERS_MAX),
        CountedFirst(),
        about("Its values by the names of parameters; null: not given.", {"UNIT": "nginx"}),
    ] = Field(default_factory=dict)
    secrets: Annotated[NamedSecrets, _SECRETS] = Field(default_factory=dict)


class ScheduledCommandIn(Body):
    """The command that the schedule gives, as in `POST /api/v1/commands`: either `command_text` or `script` must be
    given. Its deadline follows from `if_offline`."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"command_text": samples.COMMAND_TEXT, "targeting": {"type": "all"}}}
    )

    command_text: Annotated[str | None, MinLen(1), _COMMAND_TEXT] = None
    script: Annotated[
        ScheduledScriptIn | None, about("The saved script that it runs, as it is at that time. Null: `command_text`.")
    ] = None
    timeout: Annotated[Annotated[Int32, Ge(1)] | None, fields.TIMEOUT] = None
    targeting: Annotated[TargetingIn, about("The nodes that run the command, looked for each time.")]
    rollout: Annotated[
        RolloutIn | None,
        about("Makes executions in waves, as earlier ones end. Null or left out: all are made at once."),
    ] = None

    def to_command(self) -> ScheduledCommand:
        """Raises `EdgeError` (validation failed) unless exactly one of text and script is given."""
        if (self.command_text is None) == (self.script is None):
            raise invalid("command", TEXT_OR_SCRIPT)
        script = None if self.script is None else ScriptCall.model_validate(self.script.model_dump())
        return ScheduledCommand(
            command_text=self.command_text,
            script=script,
            targeting=self.targeting.to_targeting(),
            timeout=self.timeout,
            allow_missing=self.targeting.allow_missing,
            rollout=None if self.rollout is None else self.rollout.to_limits(),
        )


class ScheduleCreate(Body):
    """A new schedule: a command, when, and what about machines that are off. Either `once_at` or `cron` must be
    given."""

    name: Annotated[ScheduleNameText, _NAME]
    command: Annotated[ScheduledCommandIn, about("The command that it gives.")]
    once_at: Annotated[DateTime | None, _ONCE_AT] = None
    cron: Annotated[str | None, _CRON] = None
    timezone: Annotated[str, _TIMEZONE] = "UTC"
    if_offline: Annotated[IfOffline | None, about("Null or left out: they are skipped.")] = None

    def definition(self) -> Definition:
        """Raises `EdgeError` (validation failed)."""
        timing = Timing(once_at=_text(self.once_at), cron=self.cron, timezone=self.timezone)
        return Definition(self.name, self.command.to_command(), timing, _window(self.if_offline))


class ScheduleUpdate(Body):
    """The changes of a schedule. A field that is left out or null stays as it is; `once_at` and `cron` replace each
    other."""

    name: Annotated[ScheduleNameText | None, _NAME] = None
    command: Annotated[ScheduledCommandIn | None, about("Another command.")] = None
    once_at: Annotated[DateTime | None, _ONCE_AT] = None
    cron: Annotated[str | None, _CRON] = None
    timezone: Annotated[str | None, _TIMEZONE] = None
    if_offline: Annotated[IfOffline | None, about("How machines are treated that are off.")] = None

    def definition(self, known: Definition) -> Definition:
        """The definition with these changes. Raises `EdgeError` (validation failed)."""
        once_at, cron = _text(self.once_at), self.cron
        if once_at is None and cron is None:
            once_at, cron = known.timing.once_at, known.timing.cron
        return Definition(
            self.name or known.name,
            known.command if self.command is None else self.command.to_command(),
            Timing(once_at=once_at, cron=cron, timezone=self.timezone or known.timing.timezone),
            known.run_within_seconds if self.if_offline is None else self.if_offline.window(),
        )


class ScheduledScriptOut(BaseModel):
    """A saved script that a schedule runs."""

    name: Annotated[str, _SCRIPT]
    parameters: Annotated[
        dict[str, bool | int | str | None] | None,
        about("Its values by the names of parameters; null for keys that read no outputs.", {"UNIT": "nginx"}),
    ]
    secrets: Annotated[dict[str, str], _SECRETS]


class ScheduledCommandOut(BaseModel):
    """The command that a schedule gives."""

    command_text: Annotated[str | None, _COMMAND_TEXT]
    script: Annotated[
        ScheduledScriptOut | None, nullable(ScheduledScriptOut), about("The saved script that it runs; null: none.")
    ]
    timeout: Annotated[int | None, fields.TIMEOUT]
    targeting: Annotated[dict[str, Any], fields.TARGETING]
    rollout: Annotated[
        RolloutLimitsOut | None,
        nullable(RolloutLimitsOut),
        about("The waves in which it goes out each time; null: it goes out at once."),
    ]


class IfOfflineOut(BaseModel):
    """How machines are treated that are off at the time."""

    skip: Annotated[bool, _SKIP]
    run_within_seconds: Annotated[int | None, _WITHIN]


class ScheduleOwnerOut(BaseModel):
    """The key with whose rights a schedule runs: that which made, changed or resumed it last."""

    id: Annotated[str, about("UUID of the named key, or the name of a key of the settings.", samples.API_KEY_ID)]
    name: Annotated[str, about("Name of the key at that time.", "nightly report")]


class ScheduleOut(BaseModel):
    """A command and when it is given."""

    id: Annotated[str, _ID]
    name: Annotated[str, _NAME]
    command: Annotated[ScheduledCommandOut, about("The command that it gives.")]
    once_at: Annotated[Timestamp | None, _ONCE_AT]
    cron: Annotated[str | None, _CRON]
    timezone: Annotated[str, _TIMEZONE]
    if_offline: Annotated[IfOfflineOut, about("How machines are treated that are off at the time.")]
    state: Annotated[OneOf[State], _STATE]
    reason: Annotated[str | None, about("Why it was paused by itself; null otherwise.", None)]
    owner: Annotated[ScheduleOwnerOut, about("The key with whose reach and permissions it runs.")]
    next_runs: Annotated[
        list[Timestamp], about("The next times, five at most; none while it is not active.", [samples.DAY_LATER])
    ]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


class ScheduleRunOut(BaseModel):
    """One time of a schedule, or several missed ones in a row."""

    planned_at: Annotated[Timestamp, about("The time by the schedule; of several, the first.", samples.MOMENT)]
    until: Annotated[Timestamp | None, about("The last of several missed times; null for one.", None)]
    count: Annotated[int, about("The number of times: above 1 only for missed ones.", 1, minimum=1)]
    result: Annotated[
        OneOf[Result],
        about("`created`: a command was given. `refused`, `missed`: none was, for `reason`.", "created"),
    ]
    command_id: Annotated[
        str | None, about("UUID of the command that was given; null: none was.", samples.COMMAND_ID, format="uuid")
    ]
    reason: Annotated[str | None, about("Why no command was given; null: one was.", None)]
    inserted_at: Annotated[Timestamp, about("When this was noted.", samples.SECOND_LATER)]


def _text(moment: Any) -> str | None:
    return None if moment is None else to_seconds_text(moment)


def _window(if_offline: IfOffline | None) -> int | None:
    return None if if_offline is None else if_offline.window()

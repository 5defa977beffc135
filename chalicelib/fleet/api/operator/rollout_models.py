"""How a command goes out in waves, and how far it is, as operators give and see it."""

import re
from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from chalicelib.fleet.commands.model import CommandSummary
from chalicelib.fleet.commands.rollout import MOST_OUT, USUAL_OUT, Reason, RolloutLimits, RolloutState, Standing
from chalicelib.kit.fields import about
from chalicelib.web.problems import problems, wrong_type
from chalicelib.web.validation import INT32_MAX, Body, OneOf

_PERCENTAGE = re.compile(r"(100|[1-9]?[0-9])%")


def _checked(least: int, most: int) -> BeforeValidator:
    """Takes a number from ``least`` to ``most``, or a percentage of at least ``least``."""

    def check(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise problems(wrong_type("integer or string", value))
        is_percentage = isinstance(value, str) and _PERCENTAGE.fullmatch(value) and int(value[:-1]) >= least
        if not is_percentage and not (isinstance(value, int) and least <= value <= most):
            raise problems(f"must be an integer from {least} to {most}, or a percentage as '10%'")
        return value

    return BeforeValidator(check)


def _shape(least: int, most: int) -> WithJsonSchema:
    number = {"type": "integer", "minimum": least, "maximum": most}
    percentage = {"type": "string", "pattern": f"^(100|[{'1' if least else '0'}-9]|[1-9][0-9])%$"}
    return WithJsonSchema({"anyOf": [number, percentage]})


OutAtOnce = Annotated[int | str, _checked(1, MOST_OUT), _shape(1, MOST_OUT)]
Errors = Annotated[int | str, _checked(0, INT32_MAX), _shape(0, INT32_MAX)]


class RolloutIn(Body):
    """How a command goes out in waves."""

    max_concurrency: Annotated[
        OutAtOnce,
        about(
            "How many executions may be open at a time: a number up to 1,000, or a percentage of the nodes, of which "
            "at least one and at most 1,000 are taken. Left out: 100.",
            "10%",
        ),
    ] = USUAL_OUT
    max_errors: Annotated[
        Errors | None,
        about(
            "How many executions may fail or expire, a number or a percentage of the nodes: with one more the rollout "
            "stops and makes no further ones. Null or left out: it never stops because of errors.",
            3,
        ),
    ] = None

    def to_limits(self) -> RolloutLimits:
        return RolloutLimits(max_concurrency=self.max_concurrency, max_errors=self.max_errors)


class RolloutLimitsOut(BaseModel):
    """How fast a command goes out, and how many errors it bears: numbers, or percentages of its nodes."""

    max_concurrency: Annotated[int | str, about("How many executions are open at a time at most.", "10%")]
    max_errors: Annotated[
        int | str | None, about("How many executions may fail or expire before it stops; null: any number.", 3)
    ]


class RolloutOut(RolloutLimitsOut):
    """The waves in which a command goes out."""

    state: Annotated[
        OneOf[RolloutState] | None,
        about(
            "`paused` makes no further executions until it is resumed, `stopped` none any more; null in lists, which "
            "do not read it.",
            "running",
        ),
    ]
    reason: Annotated[
        OneOf[Reason] | None,
        about("Why it stopped, `stopped` if an operator did; null while it has not stopped.", None),
    ]
    at_once: Annotated[
        int | None,
        about("The number that `max_concurrency` comes to; null while the nodes are looked for, and in lists.", 1),
    ]
    errors_allowed: Annotated[
        int | None,
        about("The number that `max_errors` comes to; null also if any number may fail.", 3),
    ]


class CommandSummaryOut(BaseModel):
    """Executions of the command, counted by outcome."""

    total: Annotated[int, about("The sum of all outcomes.", 3, minimum=0)]
    open: Annotated[int, about("Executions without an end yet: `pending` and `sent`.", 0, minimum=0)]
    pending: Annotated[int, about("Executions that their agent has not taken yet.", 0, minimum=0)]
    sent: Annotated[int, about("Executions that their agent has taken, without a result so far.", 0, minimum=0)]
    succeeded: Annotated[int, about("Executions that ended with exit code 0, or without an exit code.", 2, minimum=0)]
    failed: Annotated[int, about("Executions that ended with another exit code.", 1, minimum=0)]
    cancelled: Annotated[int, about("Executions stopped by an operator.", 0, minimum=0)]
    expired: Annotated[int, about("Executions without a result at the deadline.", 0, minimum=0)]
    waiting: Annotated[int, about("Nodes whose turn in the rollout has not come.", 0, minimum=0)]
    skipped: Annotated[int, about("Nodes whose turn had not come when the rollout stopped.", 0, minimum=0)]
    dropped: Annotated[
        int,
        about(
            "Executions whose node was deleted, and nodes that were gone when their turn in the rollout came.",
            0,
            minimum=0,
        ),
    ]


def show_rollout(limits: RolloutLimits | None, standing: Standing | None) -> RolloutOut | None:
    """A rollout with what it does now, if that was read."""
    if limits is None:
        return None
    now = dict.fromkeys(("state", "reason", "at_once", "errors_allowed")) if standing is None else asdict(standing)
    return RolloutOut(**limits.model_dump(), **now)


def show_summary(summary: CommandSummary) -> CommandSummaryOut:
    return CommandSummaryOut(total=summary.total, open=summary.open, **asdict(summary))

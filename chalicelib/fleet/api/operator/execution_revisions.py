"""Executions as the revisions of the API have them. The first knows no `dropped`: it is shown `cancelled`, and found
among the cancelled ones. In the later one an execution that was dropped has no node any more."""

from typing import Annotated

from pydantic import WithJsonSchema

from chalicelib.fleet import fields
from chalicelib.fleet.api.operator.execution_models import ExecutionListQuery, ExecutionOut
from chalicelib.fleet.api.protocol import AUGUST_2026, MAY_2026
from chalicelib.fleet.commands.model import Status
from chalicelib.kit.fields import about
from chalicelib.web.revisions import Revised
from chalicelib.web.validation import OneOf

_FOUND_TOGETHER = (Status.CANCELLED.value, Status.DROPPED.value)


class FirstExecutionOut(ExecutionOut):
    """One command on one node: its status, output and exit code."""

    node_id: Annotated[str, fields.NODE]
    status: Annotated[
        OneOf[Status],
        WithJsonSchema({"type": "string", "enum": [status.value for status in Status if status is not Status.DROPPED]}),
        about(
            "`pending`: not taken yet. `sent`: the agent has taken it. `completed`: it has a result, of whatever exit "
            "code. `cancelled`: stopped by an operator, or its node was deleted. `expired`: no result before the "
            "deadline.",
            "completed",
        ),
    ]


def _first(execution: ExecutionOut) -> ExecutionOut:
    if execution.status is not Status.DROPPED:
        return execution
    return execution.model_copy(update={"status": Status.CANCELLED})


def _later(execution: ExecutionOut) -> ExecutionOut:
    if execution.status is not Status.DROPPED:
        return execution
    return execution.model_copy(update={"node_id": None, "cancelled_at": None})


def _with_dropped(query: ExecutionListQuery) -> ExecutionListQuery:
    """The query for what it finds in the first revision, where a dropped execution is a cancelled one."""
    listed = query.status__in.split(",") if query.status__in else []
    if query.status is Status.CANCELLED and (not listed or Status.CANCELLED in listed):
        return query.model_copy(update={"status": None, "status__in": ",".join(_FOUND_TOGETHER)})
    if Status.CANCELLED in listed:
        return query.model_copy(update={"status__in": ",".join(dict.fromkeys((*listed, *_FOUND_TOGETHER)))})
    return query


SHOWN = {
    MAY_2026: Revised(answer=FirstExecutionOut, show=_first),
    AUGUST_2026: Revised(show=_later),
}
"""How an operation that answers executions differs."""

LISTED = {**SHOWN, MAY_2026: Revised(answer=FirstExecutionOut, show=_first, ask=_with_dropped)}
"""How the list differs."""

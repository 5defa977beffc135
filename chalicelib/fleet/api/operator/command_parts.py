"""The filters of commands, and parts of their answers."""

from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet import samples
from chalicelib.fleet.commands.service import SORTABLE
from chalicelib.kit.fields import about
from chalicelib.web.list_query import (
    BoolFilter,
    DateFilter,
    ListQuery,
    OrderBy,
    PositiveFilter,
    TextFilter,
    at_least,
    at_most,
    matching,
    ordering,
    since,
    until,
    whether,
)
from chalicelib.web.spellings import SameAs, another_name


class CommandListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    command_text: Annotated[TextFilter, matching("the command line")] = None
    script_name: Annotated[TextFilter, matching("the name of the saved script that it runs")] = None
    has_timeout: Annotated[BoolFilter, whether("commands with a timeout", "commands without one")] = None
    timeout__gte: Annotated[PositiveFilter, at_least("timeout, in milliseconds")] = None
    timeout__lte: Annotated[PositiveFilter, at_most("timeout, in milliseconds")] = None
    has_expired_at: Annotated[BoolFilter, whether("commands with a deadline", "commands without one")] = None
    expired_at__gte: Annotated[DateFilter, since("Deadline")] = None
    expired_at__lte: Annotated[DateFilter, until("Deadline")] = None
    has_expires_at: Annotated[BoolFilter, SameAs("has_expired_at"), another_name("has_expired_at")] = None
    expires_at__gte: Annotated[DateFilter, SameAs("expired_at__gte"), another_name("expired_at__gte")] = None
    expires_at__lte: Annotated[DateFilter, SameAs("expired_at__lte"), another_name("expired_at__lte")] = None


class CommandScheduleOut(BaseModel):
    """The schedule that gave a command."""

    id: Annotated[str, about("UUID of the schedule.", samples.SCHEDULE_ID, format="uuid")]
    name: Annotated[str, about("Its name when it gave the command.", samples.SCHEDULE)]


class CommandScriptOut(BaseModel):
    """The saved script that a command runs."""

    name: Annotated[str, about("Its name when the command was given.", samples.SCRIPT)]
    version: Annotated[int, about("Its version then.", 3, minimum=1)]

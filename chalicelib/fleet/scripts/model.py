"""The models of saved scripts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from chalicelib.fleet.commands.model import ScheduleName
from chalicelib.fleet.commands.rollout import RolloutLimits
from chalicelib.fleet.targeting.model import Targeting

SORTABLE = frozenset({"name", "inserted_at", "updated_at"})
"""The fields by which the list can be sorted."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
PARAMETER_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"
"""The names that every shell takes for a variable."""

PARAMETERS_MAX = 32

VALUE_PATTERN_MAX = 500
"""Characters of the pattern of a parameter."""


class ParameterType(StrEnum):
    """The type of a parameter. ``enum`` is one of a list of texts."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    ENUM = "enum"


ParameterValue = bool | int | str


class Parameter(BaseModel, frozen=True):
    """A parameter of a script. Without a default it has to be given if it is ``required``, and is an unset variable
    otherwise. ``values`` are those of an enum, ``minimum`` and ``maximum`` the bounds of an integer, ``pattern`` is a
    regular expression for the whole of a string. The value of a ``sensitive`` one is a secret: that which a run names,
    or else ``secret``."""

    name: str
    type: ParameterType
    description: str | None = None
    required: bool = False
    default: ParameterValue | None = None
    values: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    sensitive: bool = False
    secret: str | None = None


class Script(BaseModel, frozen=True):
    """A saved script. ``version`` counts its changes, from 1."""

    id: str
    name: str
    description: str | None = None
    script_text: str
    parameters: tuple[Parameter, ...] = ()
    inserted_at: str
    updated_at: str
    version: int = 1


@dataclass(frozen=True)
class NewScript:
    """A script as an operator gives it."""

    name: str
    script_text: str
    description: str | None = None
    parameters: tuple[Parameter, ...] = ()


class ScriptCall(BaseModel, frozen=True):
    """A script by its name, and what a run of it gives: values, of which None stands for one that is not given, and
    for sensitive parameters the names of secrets."""

    name: str
    parameters: Mapping[str, ParameterValue | None] = Field(default_factory=dict)
    secrets: Mapping[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """The nodes, timeout and deadline of a run of a script. ``expired_at`` is aware; deadline and targets are as of a
    `NewCommand`, as is the ``schedule`` that has it run."""

    targeting: Targeting
    timeout: int | None = None
    expired_at: datetime | None = None
    never_expires: bool = False
    allow_missing: bool = False
    rollout: RolloutLimits | None = None
    schedule: ScheduleName | None = None

"""A puppet and its states."""

from enum import StrEnum

from pydantic import BaseModel

SORTABLE = frozenset({"name", "inserted_at"})
"""The fields that lists can be ordered by."""


class State(StrEnum):
    """A new puppet is broken until a worker has repaired it."""

    BROKEN = "broken"
    WHOLE = "whole"


class Puppet(BaseModel, frozen=True):
    """Times are seconds text."""

    id: str
    name: str
    state: State
    inserted_at: str
    updated_at: str

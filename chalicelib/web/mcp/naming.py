"""Names and hints of tools that do not follow from the operations."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Hint(StrEnum):
    """A hint for clients, besides whether a tool only reads."""

    DESTRUCTIVE = "destructiveHint"
    IDEMPOTENT = "idempotentHint"
    OPEN_WORLD = "openWorldHint"


DESTRUCTIVE, IDEMPOTENT, OPEN_WORLD = Hint


@dataclass(frozen=True)
class Named:
    """A tool whose name, title and hints are given."""

    name: str
    title: str
    hints: frozenset[Hint]

    def __init__(self, name: str, title: str, *hints: Hint) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "hints", frozenset(hints))


@dataclass(frozen=True, kw_only=True, eq=False)
class Naming:
    """``named`` and ``without`` are by method and path of the document: tools with given names, and the reason why an
    operation has none. ``arguments`` are path variables and fields that a tool calls otherwise. ``runs`` are
    permissions of operations that run something on machines, which may destroy anything.
    ``harmless`` are the actions of audit verbs that destroy nothing."""

    named: Mapping[str, Named]
    without: Mapping[str, str]
    arguments: Mapping[str, str]
    runs: frozenset[str]
    harmless: frozenset[str]

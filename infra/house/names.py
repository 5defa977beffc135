"""Names that are literary, or mean several things, where the field has a term."""

import ast
import re
from collections.abc import Iterator, Mapping

from infra.house.findings import Finding
from infra.house.sources import Source

TERMS: Mapping[str, str] = {
    "bury": "soft_delete",
    "heard": "on_frame",
    "found_gone": "mark_stale",
    "asleep": "not_connected",
    "happened": "event_counter",
    "happenings": "event_counters",
    "happenings_of": "event_counters_of",
    "Doors": "ListenSockets",
    "Wanted": "LookupRetries",
    "chance": "rng",
    "Homes": "ClusterLookup",
    "Pace": "RateLimiter",
    "READ_BY_PEOPLE": "MANUAL_QUEUES",
    "Outside": "Gateways",
    "room_made": "capacity_freed",
    "take_place": "reserve_slot",
    "leave_place": "release_slot",
}
"""The term by the name that is refused."""

_UNCLEAR = re.compile(r"_?places?|\w*_places?|_?places?_of\w*", re.IGNORECASE)


def find(source: Source) -> Iterator[Finding]:
    for line, name in _defined(source):
        if (term := TERMS.get(name.lstrip("_"))) is not None:
            yield Finding(source.path, line, "names", f"the name {name}", f"use the field's term, as {term}")
        elif _UNCLEAR.fullmatch(name):
            yield Finding(
                source.path,
                line,
                "names",
                f"the name {name} means several things",
                "use the term: cursor, position, index, slot, capacity, location, context",
            )


def _defined(source: Source) -> Iterator[tuple[int, str]]:
    """Line and name of everything that the file gives a name."""
    yield from ((node.lineno, node.name) for node in source.nodes(ast.FunctionDef))
    yield from ((node.lineno, node.name) for node in source.nodes(ast.AsyncFunctionDef))
    yield from ((node.lineno, node.name) for node in source.nodes(ast.ClassDef))
    yield from ((node.lineno, node.arg) for node in source.nodes(ast.arg))
    yield from ((node.lineno, node.id) for node in source.nodes(ast.Name) if isinstance(node.ctx, ast.Store))
    yield from ((node.lineno, node.attr) for node in source.nodes(ast.Attribute) if isinstance(node.ctx, ast.Store))

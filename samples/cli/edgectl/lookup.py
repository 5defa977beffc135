"""Things by the names that people use: an id, its beginning, a name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from edgectl.client import PAGE_SIZE, Client, Json
from edgectl.errors import NOT_FOUND, ApiError, CliError
from edgectl.model import Resource
from edgectl.resources.fleet import ALIASES, NODES

MOST_SHOWN = 5
SHORTEST_PREFIX = 4
_TIME_DIGITS = 12
"""The digits of a UUIDv7 that count milliseconds since 1970."""

_LAST_SECOND = 253_402_300_799
_HEX = re.compile(r"[0-9a-f]+")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Found:
    """A thing that a text means: its id, or its name where paths have that, and the words for people who are asked
    about it."""

    id: str
    called: str


def is_id(text: str) -> bool:
    """Whether this is a whole UUID."""
    return _UUID.fullmatch(text.lower()) is not None


def rows_of(client: Client, resource: Resource, most: int | None = None, **query: Any) -> list[Json]:
    """The list of a kind of things, at most so many. Raises `CliError`, also where its family is not deployed."""
    if not resource.is_whole:
        return list(client.walk(resource.path, most, **query))
    if query:
        raise CliError(f"the list of {resource.name} takes no filter")
    try:
        return list(client.get(resource.path))[:most]
    except ApiError as error:
        if error.status == NOT_FOUND and resource.family:
            raise CliError(f"this control plane makes none: its family {resource.family} is not deployed") from error
        raise


def find(client: Client, resource: Resource, text: str) -> Found:
    """The thing that the text means. Raises `CliError` if it means none, or several; or if it is empty or has a ``*``,
    which a filter of the API takes for any name."""
    _check(resource, text)
    if resource.id != "id":
        return Found(quote(text, safe=""), text)
    if is_id(text):
        return Found(text.lower(), text)
    if resource.is_whole:
        rows = rows_of(client, resource)
        named = [row for row in rows if text in {row.get(name) for name in resource.names}]
        return _only(named or [row for row in rows if _begins(row, text)], resource, text, (*resource.names, "id")[0])
    if resource is NODES:
        return _node(client, text)
    for name in resource.names:
        if found := _named(client, resource, name, text):
            return _only(found, resource, text, name)
    newest = list(client.walk(resource.path, PAGE_SIZE, **_made_with(resource, text)))
    found = [row for row in newest if _begins(row, text)]
    if not found and len(newest) == PAGE_SIZE:
        raise CliError(f"{text!r} is not among the newest {PAGE_SIZE} of {resource.name}: give the whole id")
    return _only(found, resource, text, (*resource.names, "id")[0])


def find_nodes(client: Client, texts: Sequence[str]) -> list[str]:
    """The ids of the nodes that the texts mean: aliases, host names, or beginnings of ids. At most two requests for
    each, three where a hundred machines have names that begin so.

    Raises `CliError` as `find`.
    """
    return list(dict.fromkeys(find(client, NODES, text).id for text in texts))


def _node(client: Client, text: str) -> Found:
    if aliased := _named(client, ALIASES, "name", text):
        return _only(aliased, ALIASES, text, "name", key="node_id")
    begun = list(client.walk(NODES.path, PAGE_SIZE, search=text))
    if len(begun) == PAGE_SIZE:
        begun = [*client.walk(NODES.path, MOST_SHOWN, hostname=text), *begun]
    named = [row for row in begun if (row["hostname"] or "").casefold() == text.casefold()]
    # The beginning of a host name does not count: it would mean another machine once its own is gone.
    found = named or [row for row in begun if _begins(row, text)]
    if begun and not found:
        some = ", ".join(f"{row['hostname']} ({row['id']})" for row in begun[:MOST_SHOWN])
        raise CliError(f"no machine is called {text!r}; did you mean {some}?")
    return _only(found, NODES, text, "hostname")


def _check(resource: Resource, text: str) -> None:
    if not text.strip() or "*" in text or text in {".", ".."}:
        raise CliError(f"{text!r} names nothing in {resource.name}: give the whole name, or an id, without *")


def _named(client: Client, resource: Resource, name: str, text: str) -> list[Json]:
    return [row for row in client.walk(resource.path, MOST_SHOWN, **{name: text}) if row.get(name) == text]


def _begins(row: Json, text: str) -> bool:
    return len(text) >= SHORTEST_PREFIX and str(row.get("id", "")).startswith(text.lower())


def _made_with(resource: Resource, text: str) -> dict[str, str]:
    """The filter that leaves what may have an id with this beginning, where ids begin with the time at which things
    were made."""
    digits = text.lower().replace("-", "")[:_TIME_DIGITS]
    if not resource.ids_tell_time or len(digits) < SHORTEST_PREFIX or not _HEX.fullmatch(digits):
        return {}
    first, last = (int(digits.ljust(_TIME_DIGITS, filler), 16) // 1000 for filler in "0f")
    return {"inserted_at__gte": _moment(first - 1), "inserted_at__lte": _moment(last + 1)}


def _moment(seconds: int) -> str:
    # Other beginnings lead to years that the calendar does not have.
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC).isoformat().replace("+00:00", "Z")


def _only(found: Sequence[Any], resource: Resource, text: str, label: str, key: str = "id") -> Found:
    ids = list(dict.fromkeys(str(row[key]) for row in found))
    if not ids:
        raise CliError(f"nothing in {resource.name} is called {text!r}: edgectl {resource.name} list")
    if len(ids) > 1:
        some = ", ".join(f"{row.get(label)} ({row[key]})" for row in found[:MOST_SHOWN])
        raise CliError(f"{text!r} means several of {resource.name}: {some}")
    return Found(ids[0], f"{found[0].get(label) or text} ({ids[0]})")

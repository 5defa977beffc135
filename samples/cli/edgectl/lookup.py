"""Things by the names that people use: an id, its beginning, a name."""

import re
from collections.abc import Sequence
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


def find(client: Client, resource: Resource, text: str) -> str:
    """The id of the thing that the text means. Raises `CliError` if it means none, or several."""
    if resource.id != "id":
        return quote(text, safe="")
    if is_id(text):
        return text.lower()
    if resource.is_whole:
        rows = rows_of(client, resource)
        named = [row for row in rows if text in {row.get(name) for name in resource.names}]
        return _only(named or [row for row in rows if _begins(row, text)], resource, text, (*resource.names, "id")[0])
    if resource is NODES:
        return find_nodes(client, [text])[0]
    for name in resource.names:
        found = list(client.walk(resource.path, MOST_SHOWN, **{name: text}))
        if found:
            return _only(found, resource, text, name)
    newest = list(client.walk(resource.path, PAGE_SIZE, **_made_with(resource, text)))
    found = [row for row in newest if _begins(row, text)]
    if not found and len(newest) == PAGE_SIZE:
        raise CliError(f"{text!r} is not among the newest {PAGE_SIZE} of {resource.name}: give the whole id")
    return _only(found, resource, text, (*resource.names, "id")[0])


def find_nodes(client: Client, texts: Sequence[str]) -> list[str]:
    """The ids of the nodes that the texts mean: aliases, host names, or beginnings of these or of ids. At most two
    requests for each.

    Raises `CliError` as `find`.
    """
    ids: list[str] = []
    for text in texts:
        if is_id(text):
            ids.append(text.lower())
            continue
        if aliased := list(client.walk(ALIASES.path, MOST_SHOWN, name=text)):
            ids.append(_only(aliased, ALIASES, text, "name", key="node_id"))
            continue
        begun = list(client.walk(NODES.path, PAGE_SIZE, search=text))
        named = [row for row in begun if (row["hostname"] or "").casefold() == text.casefold()]
        if not named and len(text) >= SHORTEST_PREFIX:
            named = begun
        ids.append(_only(named, NODES, text, "hostname"))
    return list(dict.fromkeys(ids))


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


def _only(found: Sequence[Any], resource: Resource, text: str, label: str, key: str = "id") -> str:
    ids = list(dict.fromkeys(str(row[key]) for row in found))
    if not ids:
        raise CliError(f"nothing in {resource.name} is called {text!r}: edgectl {resource.name} list")
    if len(ids) > 1:
        some = ", ".join(f"{row.get(label)} ({row[key]})" for row in found[:MOST_SHOWN])
        raise CliError(f"{text!r} means several of {resource.name}: {some}")
    return ids[0]

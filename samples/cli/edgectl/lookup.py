"""Things by the names that people use: an id, its beginning, a name."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from edgectl.client import Client, Json
from edgectl.errors import CliError
from edgectl.model import Resource
from edgectl.resources.fleet import ALIASES, NODES

MOST_SHOWN = 5
SHORTEST_PREFIX = 4
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_id(text: str) -> bool:
    """Whether this is a whole UUID."""
    return _UUID.fullmatch(text.lower()) is not None


def find(client: Client, resource: Resource, text: str) -> str:
    """The id of the thing that the text means. Raises `CliError` if it means none, or several."""
    if resource.id != "id":
        return quote(text, safe="")
    if is_id(text):
        return text.lower()
    if resource is NODES:
        return find_nodes(client, [text])[0]
    for name in resource.names:
        found = list(client.walk(resource.path, MOST_SHOWN, **{name: text}))
        if found:
            return _only(found, resource, text, name)
    found = [row for row in client.walk(resource.path) if _begins(row, text)]
    return _only(found, resource, text, (*resource.names, "id")[0])


def find_nodes(client: Client, texts: Sequence[str]) -> list[str]:
    """The ids of the nodes that the texts mean: aliases, host names, or beginnings of these or of ids.

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
        if named := list(client.walk(NODES.path, MOST_SHOWN, hostname=text)):
            ids.append(_only(named, NODES, text, "hostname"))
            continue
        found = client.walk(NODES.path, MOST_SHOWN, search=text) if len(text) >= SHORTEST_PREFIX else ()
        ids.append(_only(list(found), NODES, text, "hostname"))
    return list(dict.fromkeys(ids))


def _begins(row: Json, text: str) -> bool:
    return len(text) >= SHORTEST_PREFIX and str(row.get("id", "")).startswith(text.lower())


def _only(found: Sequence[Any], resource: Resource, text: str, label: str, key: str = "id") -> str:
    ids = list(dict.fromkeys(str(row[key]) for row in found))
    if not ids:
        raise CliError(f"nothing in {resource.name} is called {text!r}: edgectl {resource.name} list")
    if len(ids) > 1:
        some = ", ".join(f"{row.get(label)} ({row[key]})" for row in found[:MOST_SHOWN])
        raise CliError(f"{text!r} means several of {resource.name}: {some}")
    return ids[0]

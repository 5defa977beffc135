"""JSON patches (RFC 6902): what turns one document into another that hardly differs. Arrays change as a whole."""

from typing import Any

Json = dict[str, Any]
Patch = list[Json]


def difference(before: Json, after: Json, path: str = "") -> Patch:
    """The patch from one document to another, of the operations ``add``, ``remove`` and ``replace``."""
    patch: Patch = [{"op": "remove", "path": f"{path}/{_token(name)}"} for name in before if name not in after]
    for name, value in after.items():
        location = f"{path}/{_token(name)}"
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            patch += difference(old, value, location)
        elif name not in before:
            patch.append({"op": "add", "path": location, "value": value})
        elif old != value:
            patch.append({"op": "replace", "path": location, "value": value})
    return patch


def apply(document: Json, patch: Patch) -> None:
    """Change the document as a patch of `difference` says. Raises KeyError for a part that is not there."""
    for step in patch:
        *parents, name = (_name(token) for token in step["path"].split("/")[1:])
        changed = document
        for parent in parents:
            changed = changed[parent]
        if step["op"] == "remove":
            del changed[name]
        else:
            changed[name] = step["value"]


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _name(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")

"""Makes the tools of an API from its table of operations: ``python -m chalicelib.web.mcp.catalogue`` writes them.

Every operation that is decided by a permission has a tool. Its arguments are the path variables, the query and the
fields of the body, in the conventions of tools: ``node_id_in`` is a list, ``inserted_at_gte`` has one underscore, the
order is ``sort``.
"""

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from chalicelib import families
from chalicelib.web.api import Api
from chalicelib.web.mcp.arguments import KEY_ARGUMENT
from chalicelib.web.mcp.naming import DESTRUCTIVE, IDEMPOTENT, OPEN_WORLD, Hint, Named, Naming
from chalicelib.web.mcp.schemas import arguments_of
from chalicelib.web.openapi import text_of
from chalicelib.web.operation import Endpoint

Json = dict[str, Any]

_KEY_SCHEMA = {
    "type": "string",
    "description": "A text of your choice, best a UUID: calls that repeat it within 24 hours are carried out once.",
}


def tools_of(api: Api) -> list[Json]:
    """The tools, in the order of the document. Raises ValueError for two of one name or one argument."""
    naming = api.tool_naming()
    made = [_tool(endpoint, naming, module) for endpoint, module, reason in choices(api) if not reason]
    names = [each["shown"]["name"] for each in made]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"several tools are called {', '.join(sorted(twice))}")
    return made


def generated(api: Api) -> dict[FilePath, str]:
    """The file of the tools as it is packaged; none for an API without tools."""
    if not api.tools:
        return {}
    return {api.tools_document: json.dumps(tools_of(api), indent=1, ensure_ascii=False) + "\n"}


def choices(api: Api) -> list[tuple[Endpoint, str, str]]:
    """Every operation that a permission decides or that is named, with its module, and with the reason why it has no
    tool, "" if it has one."""
    naming = api.tool_naming()
    every = [(endpoint, module) for module in api.modules for endpoint in import_module(module).routes.all]
    posts = {endpoint.shown_path for endpoint, _ in every if endpoint.method == "POST"}
    return [
        (endpoint, module, _reason(endpoint, naming, posts))
        for endpoint, module in every
        if endpoint.auth.by_permission or key_of(endpoint) in naming.named
    ]


def key_of(endpoint: Endpoint) -> str:
    """Method and path of an operation."""
    return f"{endpoint.method} {endpoint.shown_path}"


def _reason(endpoint: Endpoint, naming: Naming, posts: set[str]) -> str:
    if endpoint.media_type:
        return f"answers {endpoint.media_type.partition(';')[0]} for other programs"
    if endpoint.method == "PATCH" and endpoint.shown_path in posts:
        return "the POST of the same path does the same"
    return naming.without.get(key_of(endpoint), "")


def _tool(endpoint: Endpoint, naming: Naming, module: str) -> Json:
    named = naming.named.get(key_of(endpoint)) or _named_by_rule(endpoint, naming)
    path = _arguments(endpoint.path, naming)
    query = _arguments(endpoint.query, naming)
    body = {f"new_{name}" if name in path else name: field for name, field in _arguments(endpoint.body, naming).items()}
    schemas: dict[str, Json] = {}
    required: list[str] = []
    for model, arguments in ((endpoint.path, path), (endpoint.query, query), (endpoint.body, body)):
        found, needed = arguments_of(model, arguments)
        if shared := found.keys() & schemas.keys():
            raise ValueError(f"{named.name} has several arguments called {', '.join(sorted(shared))}")
        schemas |= found
        required += needed
    if endpoint.takes_idempotency_key:
        schemas[KEY_ARGUMENT] = _KEY_SCHEMA
    shown = {
        "name": named.name,
        "title": named.title,
        "description": f"{endpoint.summary}. {text_of(endpoint)}",
        "inputSchema": {
            "type": "object",
            "properties": schemas,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        },
        "annotations": _annotations(endpoint, named, naming),
    }
    permission = endpoint.permission
    operation = {
        "module": module,
        "method": endpoint.method,
        "route": endpoint.route,
        "audience": endpoint.auth.name,
        "permission": permission.name if permission else "",
        "role": permission.role if permission else "",
        "scope": endpoint.scope or "",
        "changes": not endpoint.is_read,
        "path": path,
        "query": query,
        "body": body,
        "has_body": endpoint.has_body,
    }
    return {"shown": shown, "operation": operation}


def _named_by_rule(endpoint: Endpoint, naming: Naming) -> Named:
    is_destructive = not endpoint.is_read and (
        endpoint.method == "DELETE" or endpoint.audit.rpartition(".")[2] not in naming.harmless
    )
    hints = [DESTRUCTIVE] if is_destructive else []
    return Named(
        endpoint.view.__name__,
        endpoint.summary,
        *hints,
        *([IDEMPOTENT] if endpoint.method in ("PATCH", "PUT") else []),
    )


def _annotations(endpoint: Endpoint, named: Named, naming: Naming) -> dict[str, bool]:
    """All hints are said, since a client assumes the worst otherwise. A tool that runs something on machines does not
    say that it destroys nothing."""
    hints: Sequence[Hint] = (OPEN_WORLD,) if endpoint.is_read else (DESTRUCTIVE, IDEMPOTENT, OPEN_WORLD)
    said = {"readOnlyHint": endpoint.is_read, **{str(hint): hint in named.hints for hint in hints}}
    if endpoint.permission is not None and endpoint.permission.name in naming.runs and not said.get(DESTRUCTIVE, True):
        del said[DESTRUCTIVE]
    return said


_OLDER_ORDER = frozenset({"order_by", "order_directions"})
"""The older names of ``sort``."""


def _arguments(model: type[BaseModel], naming: Naming) -> dict[str, str]:
    """The names of the arguments for the fields of a part of the request. An older name of a field that is there under
    its newer one has none."""
    fields = [field.alias or name for name, field in model.model_fields.items()]
    newer = {old: new for old, new in naming.arguments.items() if old in fields}
    return {
        newer.get(name, name).replace("__", "_"): name
        for name in fields
        if newer.get(name) not in fields and name not in _OLDER_ORDER
    }


def main() -> None:
    """Write the tools of every API that has some."""
    for api in families.every_api():
        for file, text in generated(api).items():
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    main()

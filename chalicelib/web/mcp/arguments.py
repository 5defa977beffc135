"""The arguments of a call as a request of the tool's operation."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from chalicelib.kit.errors import bad_request
from chalicelib.platform.idempotency.rules import HEADER
from chalicelib.web.exchange import Incoming
from chalicelib.web.mcp.tools import Tool

KEY_ARGUMENT = "idempotency_key"

_COMMA = "Must not hold a comma: each value is an item of its own"
_EMPTY = "Must have at least one value. Leave it out for no filter"


def request_of(tool: Tool, arguments: Mapping[str, Any], asked: Incoming) -> Incoming:
    """The request of the operation, by the caller of ``asked``. The operation itself checks the rest.

    Raises `EdgeError` (bad request) for unknown arguments and for values that no query can hold.
    """
    _check_names(tool, arguments)
    wrong: dict[str, list[str]] = {}
    query: dict[str, str] = {}
    for name, field in tool.query.items():
        value = arguments.get(name)
        if value is None:  # a filter that is null is one that was left out: nothing is changed by a query
            continue
        try:
            query[field] = _text_of(value, is_list=tool.arguments.get(name, {}).get("type") == "array")
        except ValueError as error:
            wrong[name] = [str(error)]
    path: dict[str, str] = {}
    for name, variable in tool.path.items():
        value = arguments.get(name)
        if isinstance(value, str) and value:
            path[variable] = value
        else:
            wrong[name] = ["Is required, as a text that is not empty"]
    if wrong:
        raise bad_request(wrong)
    headers = {HEADER: (arguments[KEY_ARGUMENT],)} if isinstance(arguments.get(KEY_ARGUMENT), str) else {}
    body = {field: arguments[name] for name, field in tool.body.items() if name in arguments}
    text = json.dumps(body, ensure_ascii=False) if tool.has_body else None
    return asked.onward(tool.method, tool.route, path=path, query=query, headers=headers, body=text)


def _check_names(tool: Tool, arguments: Mapping[str, Any]) -> None:
    known = tool.arguments
    unknown = [name for name in arguments if name not in known]
    if unknown:
        raise bad_request({name: [f"Unknown argument. {_instead(name, [*known])}"] for name in unknown})


def _instead(name: str, known: list[str]) -> str:
    if not known:
        return "This tool takes none"
    close = get_close_matches(name, known, n=3)
    return f"Did you mean {' or '.join(close)}?" if close else f"Allowed: {', '.join(known)}"


def _text_of(value: object, *, is_list: bool) -> str:
    """A value as queries have it. Raises ValueError with the reason for one that they cannot have."""
    if is_list:
        if not isinstance(value, list):
            raise ValueError("Must be an array")
        if not value:
            raise ValueError(_EMPTY)
        texts = [_text_of(each, is_list=False) for each in value]
        if any("," in text for text in texts):
            raise ValueError(_COMMA)
        return ",".join(texts)
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | float():
            return str(value)
        case _:
            raise ValueError("Must be a text, a number, true or false")

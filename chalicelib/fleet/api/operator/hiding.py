"""The parts of answers that some keys do not see: texts and outputs of commands, which are null for them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.principal import Principal
from chalicelib.web.list_query import ListQuery

M = TypeVar("M", bound=BaseModel)

TEXTS = ("command_text", "script_text", "output")
"""The names, wherever they occur, of what a key without outputs does not see."""


def without_texts(model: M, principal: Principal) -> M:
    """The answer as this caller sees it."""
    if principal.outputs:
        return model
    return model.model_copy(update={name: None for name in TEXTS if name in type(model).model_fields})


def event_without_texts(event: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
    """An event as this caller sees it."""
    if principal.outputs:
        return {**event}
    return {**event, "data": {name: None if name in TEXTS else value for name, value in event["data"].items()}}


def check_filters(query: ListQuery, principal: Principal) -> None:
    """Raises `EdgeError` (forbidden) for a filter by a text that this caller does not see: the answer would tell it."""
    asked = [name for name in TEXTS if getattr(query, name, None)]
    if asked and not principal.outputs:
        names = ", ".join(asked)
        raise EdgeError(Kind.FORBIDDEN, f"This key reads no outputs and texts of commands: it cannot filter by {names}")


def check_outputs(principal: Principal) -> None:
    """Raises `EdgeError` (forbidden) for a caller that sees no outputs."""
    if not principal.outputs:
        raise EdgeError(Kind.FORBIDDEN, "This key reads no outputs of commands")

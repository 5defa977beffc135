"""Second spellings: a later revision of an API has another name for a field, and clients of either use theirs.

The field of the later name says `SameAs` beside its type. A request may have either of the two, or both with the same
value: views see the earlier name only (`merged`). An answer has both (`Spelled`).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.fields import about

M = TypeVar("M", bound=BaseModel)


class SameAs:
    """Marks a field that is another spelling of the field ``name`` of the same model."""

    def __init__(self, name: str) -> None:
        self.name = name


def another_name(name: str, *example: object) -> Any:
    """Describes a field that is another spelling of ``name``."""
    return about(f"Another name of `{name}`.", *example)


@cache
def spellings_of(model: type[BaseModel]) -> Mapping[str, str]:
    """The later names of a model's fields -> the names that views know."""
    return {
        name: mark.name
        for name, field in model.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, SameAs)
    }


def different(earlier: str) -> str:
    """The refusal of a field whose ``earlier`` name was given another value."""
    return f"is another name of {earlier}, and has another value: give one of them"


def merged(model: M) -> M:
    """The request with what was given under later names under those that views know.

    Raises `EdgeError` (validation failed) for a field that both names give different values.
    """
    updates: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for later, earlier in spellings_of(type(model)).items():
        if later not in model.model_fields_set:
            continue
        value = getattr(model, later)
        if earlier in model.model_fields_set and getattr(model, earlier) != value:
            wrong[later] = [different(earlier)]
        updates |= {earlier: value, later: None}
    if wrong:
        raise EdgeError(Kind.VALIDATION_FAILED, "Validation failed", wrong)
    return model.model_copy(update=updates) if updates else model


class Spelled(BaseModel):
    """Base of answers with fields of two names: what is given under the earlier one stands under both. The later one
    has a default, so that views need not give it, and is in every answer."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    @model_validator(mode="before")
    @classmethod
    def _under_both(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {**{later: given[earlier] for later, earlier in spellings_of(cls).items() if earlier in given}, **given}

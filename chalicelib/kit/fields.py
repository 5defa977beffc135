"""Descriptions and examples of the fields that the published documents show."""

from typing import Any

from pydantic import Field

_COMPOSED = object()


def about(description: str, example: object = _COMPOSED, **keywords: object) -> Any:
    """A field's description, its example, and schema keywords that its type does not imply (``format``, ``minimum``).

    Stands in ``Annotated`` beside the type; the outermost one counts. Without ``example`` that of the field's own model
    is shown. The keywords describe and check nothing: the bounds of a request belong to its type.
    """
    said: dict[str, Any] = {"description": description}
    if example is not _COMPOSED:
        said["examples"] = [example]
    if keywords:
        said["json_schema_extra"] = keywords
    return Field(**said)

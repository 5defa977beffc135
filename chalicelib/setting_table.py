"""The settings as the table of docs/operations.md: ``python -m chalicelib.settings`` prints it."""

import json
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from chalicelib.settings import Settings


def markdown_table() -> str:
    """The settings as a Markdown table, in the order of their declaration."""
    lines = ["| Variable | Default | Meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `{name.upper()}` | {_default_text(field)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _default_text(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined or value in ("", (), {}):
        return "none"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"

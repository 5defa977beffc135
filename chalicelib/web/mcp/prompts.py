"""Prompts: texts for usual jobs, in which a person fills in a few words."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

MOST_CHARACTERS = 4_000
"""The longest value of an argument."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """``arguments`` are described by their names; those in ``required`` have no default in ``defaults``. ``tools`` are
    those without which the job cannot be done. ``text`` is a template."""

    name: str
    title: str
    description: str
    arguments: Mapping[str, str]
    defaults: Mapping[str, str]
    tools: tuple[str, ...]
    text: str

    def shown(self) -> dict[str, Any]:
        """As lists have it."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "arguments": [
                {"name": name, "description": text, "required": name not in self.defaults}
                for name, text in self.arguments.items()
            ],
        }

    def filled(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The message with these values. Raises ValueError for arguments that are unknown, missing or too long."""
        if unknown := [name for name in given if name not in self.arguments]:
            raise ValueError(f"Unknown arguments: {', '.join(unknown)}. Allowed: {', '.join(self.arguments)}")
        values = {**self.defaults, **{name: value for name, value in given.items() if value}}
        if missing := [name for name in self.arguments if name not in values]:
            raise ValueError(f"Missing arguments: {', '.join(missing)}")
        if long := [name for name, value in values.items() if len(value) > MOST_CHARACTERS]:
            raise ValueError(f"Longer than {MOST_CHARACTERS} characters: {', '.join(long)}")
        text = " ".join(Template(self.text).substitute(values).split())
        return {
            "description": self.description,
            "messages": [{"role": "user", "content": {"type": "text", "text": text}}],
        }

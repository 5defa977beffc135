"""Texts that only repeat the name of what they describe."""

import re
from collections.abc import Iterator

from infra.house.findings import Finding
from infra.house.sources import Source

_EMPTY = frozenset(
    {
        "a",
        "all",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "for",
        "from",
        "has",
        "in",
        "into",
        "is",
        "it",
    }
    | {"its", "of", "on", "one", "or", "that", "the", "their", "this", "to", "which", "with"}
)
_LONGEST = 6
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def repeats(text: str, *names: str) -> bool:
    """Whether a short text has no word of its own beside those of the names: 'The nodes.' for ``nodes``."""
    said = _words(text)
    return len(said) <= _LONGEST and {*said} - _EMPTY <= {word for name in names for word in _words(name)} | _EMPTY


def _words(text: str) -> list[str]:
    """Lower-case words, also of a name in snake_case or CamelCase, without the endings of plurals and of verbs."""
    return [_stem(word.lower()) for word in _WORD.findall(text)]


def _stem(word: str) -> str:
    return word if len(word) < 4 else word.removesuffix("s").removesuffix("e")  # noqa: PLR2004 - "is" and "as" end so


def find(source: Source) -> Iterator[Finding]:
    for prose in source.prose:
        if prose.names and prose.full and repeats(prose.full, *prose.names):
            wrong = f"the docstring of {prose.names[0]} only repeats its name"
            instead = "say what the name does not (units, bounds, errors, source), or leave it out"
            yield Finding(source.path, prose.line_at(0), "repeats-name", wrong, instead)

"""Markdown files as the rules about words read them: paragraphs and list items, without code, headings and tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from infra.house.prose import Prose

FOLDERS = ("docs", "infra", "samples", "tests")
_FENCES = ("```", "~~~")
_ITEM = re.compile(r"\s*([-*]|\d+\.) ")


@dataclass(frozen=True)
class Markdown:
    """One document. ``path`` is relative to the repository's root."""

    path: str
    text: str

    @cached_property
    def prose(self) -> list[Prose]:
        return list(self._paragraphs())

    def _paragraphs(self) -> Iterator[Prose]:
        block: list[str] = []
        is_code = False
        for number, row in enumerate([*self.text.split("\n"), ""], start=1):
            is_fence = row.lstrip().startswith(_FENCES)
            is_code ^= is_fence
            ends = is_code or is_fence or not row.strip() or row.startswith(("#", "|"))
            if block and (ends or _ITEM.match(row)):
                yield Prose("\n".join(block), number - len(block))
                block = []
            if not ends:
                block.append(_ITEM.sub("", row, count=1))


def read(root: Path) -> list[Markdown]:
    """The documents at the root and below `FOLDERS`, sorted by path."""
    paths = {*root.glob("*.md"), *(path for folder in FOLDERS for path in (root / folder).rglob("*.md"))}
    return [Markdown(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in sorted(paths)]

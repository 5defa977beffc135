"""A text that people read, with the lines that it stands in."""

import re
from bisect import bisect_right
from typing import Protocol

_CODE = re.compile(r"``.+?``|`[^`]*`")


class Prose:
    """A docstring, comment or published description: words joined by single spaces, code replaced by ``x``.

    ``names`` are the identifiers that it describes: its own, then those of what contains it. Empty for a comment.
    """

    def __init__(self, text: str, line: int, names: tuple[str, ...] = (), *, is_comment: bool = False) -> None:
        self.names = names
        self.is_comment = is_comment
        self._starts: list[int] = []
        self._lines: list[int] = []
        words = []
        length = 0
        for offset, row in enumerate(text.split("\n")):
            for word in row.split():
                self._starts.append(length)
                self._lines.append(line + offset)
                words.append(word)
                length += len(word) + 1
        self.full = " ".join(words)
        self.text = _CODE.sub(lambda code: "`" + "x" * (len(code.group()) - 2) + "`", self.full)

    def line_at(self, position: int) -> int:
        """The line in the file of the character at ``position`` of ``text``."""
        return self._lines[bisect_right(self._starts, position) - 1] if self._lines else 0


class HasProse(Protocol):
    """A file with texts: Python or Markdown."""

    @property
    def path(self) -> str: ...

    @property
    def prose(self) -> list[Prose]: ...

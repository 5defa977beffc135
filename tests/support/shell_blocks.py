"""The shell blocks of the documents: what a reader would paste, and where it can be tried.

A comment before a block says what becomes of it, and of all that follow in its document until the next such comment:

- ``<!-- shell: run -->``: run against the local cloud;
- ``<!-- shell: run aside -->``: likewise, but it goes on until it is stopped, in a terminal of its own;
- ``<!-- shell: not run, REASON -->``.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from infra.package import ROOT

DOCUMENTS = {
    str(path.relative_to(ROOT)): path
    for path in chain(
        ROOT.glob("*.md"),
        (ROOT / "docs").rglob("*.md"),
        *(sorted((ROOT / folder).rglob("README.md")) for folder in ("infra", "samples", "tests")),
    )
}

_SHELLS = r"sh|bash|zsh|shell|console"
_PART = re.compile(
    rf"^<!-- shell: (?P<mark>[^\n]+?) -->$|^(?P<indent> *)```(?:{_SHELLS})\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block. ``mark`` is what its document says of it, empty if nothing."""

    text: str
    mark: str
    line: int

    @property
    def is_run(self) -> bool:
        return self.mark in {"run", "run aside"}

    @property
    def goes_on(self) -> bool:
        return self.mark == "run aside"

    @property
    def reason(self) -> str:
        """Why it is not run, empty if that is not said."""
        kind, _, reason = self.mark.partition(", ")
        return reason.strip() if kind == "not run" else ""


def blocks_of_page(page: str) -> Iterator[Block]:
    """The ``<pre>`` elements of a page in its order, which are all to be run."""
    for part in re.finditer(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL):
        yield Block(html.unescape(part[1]) + "\n", "run", page.count("\n", 0, part.start()) + 1)


def blocks_of(text: str) -> Iterator[Block]:
    """The shell blocks of a document, in its order."""
    mark = ""
    for part in _PART.finditer(text):
        if part["mark"] is not None:
            mark = part["mark"]
        else:
            yield Block(part["text"], mark, text.count("\n", 0, part.start()) + 1)

"""One form for errors in docstrings: ``Raises `EdgeError` (not found).``, ``Raises ValueError for an empty text.``"""

import builtins
import re
from collections.abc import Iterator

from chalicelib.kit.errors import Kind
from infra.house.findings import Finding
from infra.house.sources import Source

_RAISES = re.compile(r"\b[Rr]aises (`?)([\w.]+)(`?)(?: \(([^)]*)\))?")
_KINDS = {kind.value.replace("_", " ") for kind in Kind}


def find(source: Source) -> Iterator[Finding]:
    """``raises`` has a subject in some sentences ("the call raises no error"), which are left alone."""
    for prose in source.prose:
        if prose.is_comment:
            continue
        for found in _RAISES.finditer(prose.full):
            if found.group().startswith("R") and (wrong := _fault(*found.groups())):
                instead = "write 'Raises `EdgeError` (not found, conflict) …', 'Raises ValueError …' or 'Passes on …'"
                yield Finding(source.path, prose.line_at(found.start()), "raises", wrong, instead)


def _fault(opening: str, name: str, closing: str, kinds: str | None) -> str | None:
    """The fault in the words that follow 'Raises', if any."""
    last = name.rstrip(".").rpartition(".")[2]
    if not last[:1].isupper():
        return f"'Raises {name}' does not name an exception class"
    if hasattr(builtins, last):
        return None
    if not (opening and closing):
        return f"'Raises {last}' without backticks, for a class that is not a builtin"
    if last != "EdgeError":
        return None
    if not kinds:
        return "'Raises `EdgeError`' without its kinds in parentheses"
    unknown = sorted({*kinds.split(", ")} - _KINDS)
    return f"'Raises `EdgeError` ({kinds})', which is not a kind of `kit.errors`" if unknown else None

"""Files stay short enough to be read at one sitting."""

from collections.abc import Iterator
from typing import Final

from infra.house.findings import Finding
from infra.house.sources import Source

LINES_MAX: Final = 300


def find(source: Source) -> Iterator[Finding]:
    lines = source.text.count("\n")
    if lines > LINES_MAX:
        wrong = f"{lines} lines, more than {LINES_MAX}"
        yield Finding(source.path, LINES_MAX + 1, "size", wrong, "split it by subject")

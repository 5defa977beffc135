"""The patterns by which the runbook finds errors in logs: CloudWatch's filter, and the query of Logs Insights."""

import re
from collections.abc import Mapping
from typing import Any

from infra.package import ROOT

_RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
_FAILURES = (ROOT / "infra" / "observability" / "insights" / "failures.txt").read_text()

ERROR_PATTERNS = (
    next(iter(re.findall(r"^errors\(\) .*--filter-pattern '([^']*)'", _RUNBOOK, re.MULTILINE))),
    next(iter(re.findall(r"^\| filter (.*)$", _FAILURES, re.MULTILINE))),
)
"""Alternatives of fields and the values that they equal."""


def matched(pattern: str, line: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first alternative that a line of a log fulfils."""
    for field, value in re.findall(r'(?:\$\.)?([\w.]+) = "(\w+)"', pattern):
        found: Any = line
        for part in field.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found == value:
            return field, value
    return None

"""The finding of a rule, and its printed form."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """``path`` is relative to the repository's root. ``wrong`` says what is wrong, ``instead`` what to write."""

    path: str
    line: int
    rule: str
    wrong: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.wrong}: {self.instead}"

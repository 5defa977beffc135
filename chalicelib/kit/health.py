"""The check that a health probe runs."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class HealthCheck:
    """A dependency that must work for requests to succeed. ``run`` raises if it does not."""

    name: str
    run: Callable[[], object]

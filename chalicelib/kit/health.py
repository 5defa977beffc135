"""What a probe asks for."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class HealthCheck:
    """Something that must work for requests to succeed. ``run`` raises where it does not."""

    name: str
    run: Callable[[], object]

"""The types of repeats."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """A request with an ``Idempotency-Key``. ``record_id`` follows from principal and key; ``digest`` from the
    operation, its path, its query and its body."""

    record_id: str
    digest: str


@dataclass(frozen=True)
class Answer:
    """An answer as it was sent. ``headers`` are those of this answer alone, with lower-case names."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)

"""Requests whose repeats are recognised, and the answers that are kept for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """A request whose repeat is recognised. ``record_id`` follows from principal and key; ``digest`` from operation,
    path, query and body, and for a user from the tenant that it works in. One without a key is known by its digest, for
    ``unnamed_seconds`` (0: it has a key) and until it has been answered."""

    record_id: str
    digest: str
    unnamed_seconds: int = 0


@dataclass(frozen=True)
class Answer:
    """An answer as it was sent. ``headers`` are those of this answer alone, with lower-case names."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)

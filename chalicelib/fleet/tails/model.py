"""A tail: one socket of an operator at one execution."""

from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel

from chalicelib.kit.crypto import Secret


class Refusal(StrEnum):
    """The public code of a refusal to watch."""

    ENDED = "execution_ended"
    NOT_OFFERED = "tail_not_offered"
    NOT_CONNECTED = "node_not_connected"


class Tail(BaseModel):
    """``id`` is the digest of its ticket; ``actor`` the principal that asked for it. ``connection_id`` is None until
    the ticket is used, until ``opens_until`` (seconds text); ``ends_at`` (seconds text) ends it in any case."""

    id: str
    execution_id: str
    node_id: str
    actor: str
    opens_until: str
    ends_at: str
    connection_id: str | None = None


@dataclass(frozen=True)
class Opening:
    """A tail that waits for its socket. The ticket is for one socket, and is shown once."""

    tail: Tail
    ticket: Secret = field(repr=False)


@dataclass(frozen=True)
class Frame:
    """A piece of an output, as its agent sends it: the number of the frame in this tail, from 1 on, the bytes that were
    left out before the text, and whether the command has ended."""

    tail_id: str
    sequence: int
    skipped: int
    text: str
    is_end: bool

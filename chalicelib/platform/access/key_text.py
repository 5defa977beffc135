"""The text of a named key: ``edge_<id>_<secret>``, the id as a UUID, the secret as 43 letters, digits, ``-``, ``_``."""

import base64
import re
from dataclasses import dataclass, field

SECRET_BYTES = 32

_TEXT = re.compile(r"edge_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
"""43 characters of the URL-safe alphabet hold 32 bytes without padding (RFC 4648 section 5)."""


@dataclass(frozen=True)
class KeyText:
    """The parts of a key's text. ``secret`` proves that the caller holds the key ``id``."""

    id: str
    secret: str = field(repr=False)

    def compose(self) -> str:
        """The whole text, which callers send."""
        return f"edge_{self.id}_{self.secret}"


def new_secret(random: bytes) -> str:
    """The text of a new secret from `SECRET_BYTES` unpredictable bytes."""
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode("ascii")


def parse(text: str | None) -> KeyText | None:
    """The parts of a text of this form; None for any other."""
    found = _TEXT.fullmatch(text or "")
    return KeyText(found[1], found[2]) if found else None

"""The texts of credentials that rows stand for: ``<prefix>_<id>_<secret>``, the id as a UUID, the secret as 43 letters,
digits, ``-``, ``_``. A key pair is a named key in two halves: ``edge_<id>`` and ``<secret>``. A short key is a named
key of another form, ``thecloud_<secret>``, its secret as 32 hexadecimal digits: the id of its row follows from it.
"""

import base64
import re
from dataclasses import dataclass, field

from chalicelib.kit.ids import digest_uuid

SECRET_BYTES = 32
SHORT_SECRET_BYTES = 16

NAMED_KEY = "edge"
SESSION = "session"
SHORT_KEY = "thecloud"
"""The prefixes: what kind of row it is."""

_TEXT = re.compile(
    rf"({NAMED_KEY}|{SESSION})_([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})", re.ASCII
)
"""43 characters of the URL-safe alphabet hold 32 bytes without padding (RFC 4648 section 5)."""

_SHORT_TEXT = re.compile(rf"{SHORT_KEY}_([0-9a-f]{{32}})", re.ASCII)


@dataclass(frozen=True)
class KeyText:
    """The parts of a credential's text. ``secret`` proves that the caller holds the key, or the session, ``id``."""

    id: str
    secret: str = field(repr=False)
    prefix: str = NAMED_KEY

    @property
    def public(self) -> str:
        """The half that may be shown. A short key has none."""
        return f"{self.prefix}_{self.id}"

    def compose(self) -> str:
        """The whole text, which callers send."""
        return _short_text(self.secret) if self.prefix == SHORT_KEY else f"{self.public}_{self.secret}"


def public_half(key_id: str) -> str:
    """The half of a key pair that may be shown."""
    return f"{NAMED_KEY}_{key_id}"


def joined(public: str, secret: str) -> str:
    """The whole text of its halves."""
    return f"{public}_{secret}"


def new_secret(random: bytes) -> str:
    """The text of a new secret from `SECRET_BYTES` unpredictable bytes."""
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode("ascii")


def new_short_key(random: bytes) -> KeyText:
    """A new short key from `SHORT_SECRET_BYTES` unpredictable bytes."""
    return _short_key(random.hex())


def parse(text: str | None) -> KeyText | None:
    """The parts of a text of one of these forms; None for any other."""
    if found := _SHORT_TEXT.fullmatch(text or ""):
        return _short_key(found[1])
    found = _TEXT.fullmatch(text or "")
    return KeyText(found[2], found[3], found[1]) if found else None


def _short_key(secret: str) -> KeyText:
    return KeyText(digest_uuid(_short_text(secret)), secret, SHORT_KEY)


def _short_text(secret: str) -> str:
    return f"{SHORT_KEY}_{secret}"

"""Ids and random secrets as a dependency that is passed in. No other module draws random numbers.

UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds since 1970, then random bits, so text order is time order.
"""

import base64
import binascii
import hashlib
import re
import secrets
import uuid
from datetime import UTC, datetime, timedelta

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIME_SHIFT = 80
_RAND_B_BITS = 62
_UUID_LENGTH = 36
_TIMED_VERSION = 7


def compose_uuid7(milliseconds: int, random_bits: int) -> str:
    """The UUIDv7 with these 48 time bits and the low 74 bits of ``random_bits``; lower-case text."""
    rand_a = (random_bits >> _RAND_B_BITS) & 0xFFF
    rand_b = random_bits & ((1 << _RAND_B_BITS) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << _TIME_SHIFT
    value |= 0x7 << 76 | rand_a << 64 | 0b10 << _RAND_B_BITS | rand_b
    return _hyphenated(f"{value:032x}")


def uuid_text(raw: bytes) -> str:
    """Sixteen bytes as the lower-case text of a UUID."""
    return _hyphenated(raw.hex())


def digest_uuid(text: str) -> str:
    """The UUID of version 8 that this text always gives (RFC 9562 section 5.8): bits of its SHA-256, which tell nothing
    of an unpredictable text."""
    value = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])
    value = value & ~(0xF << 76) | 0x8 << 76
    value = value & ~(0b11 << _RAND_B_BITS) | 0b10 << _RAND_B_BITS
    return _hyphenated(f"{value:032x}")


def _hyphenated(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def derived_uuid7(token: str, purpose: str) -> str:
    """The UUIDv7 that this token always gives for this purpose. The token begins with a UUIDv7, whose time it takes.
    Raises ValueError for any other token."""
    beginning = token[:_UUID_LENGTH]
    try:
        is_uuid7 = uuid.UUID(beginning).version == _TIMED_VERSION and str(uuid.UUID(beginning)) == beginning
    except ValueError:
        is_uuid7 = False
    if not is_uuid7:
        raise ValueError(f"the token {token!r} does not begin with a UUIDv7 in lower case")
    digest = hashlib.sha256(f"{purpose}/{token}".encode()).digest()
    return compose_uuid7(milliseconds_of(beginning), int.from_bytes(digest[:10]))


def milliseconds_of(uuid7: str) -> int:
    """The 48 time bits of a UUIDv7, as milliseconds since 1970."""
    return uuid.UUID(uuid7).int >> _TIME_SHIFT


def moment_of(uuid7: str) -> datetime:
    """The creation time of a UUIDv7, from its time bits."""
    return moment_of_milliseconds(milliseconds_of(uuid7))


def moment_of_milliseconds(milliseconds: int) -> datetime:
    """The inverse of `to_milliseconds`."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


class Ids:
    """Draws ids and secrets from the operating system's generator."""

    def uuid7(self, now: datetime) -> str:
        """A new UUIDv7 of this millisecond."""
        return compose_uuid7(to_milliseconds(now), int.from_bytes(self.token_bytes(10)))

    def token_bytes(self, count: int) -> bytes:
        """``count`` unpredictable bytes."""
        return secrets.token_bytes(count)

    def fraction(self) -> float:
        """A uniform number in [0, 1): jitter and shard choice, never a secret."""
        return secrets.randbelow(1 << 53) / (1 << 53)


def to_unpadded_base64(raw: bytes) -> str:
    """Standard alphabet, no padding: the form of node tokens and passwords."""
    return base64.b64encode(raw).rstrip(b"=").decode("ascii")


def from_unpadded_base64(text: str) -> bytes:
    """The inverse of `to_unpadded_base64`. Raises ValueError for anything else."""
    return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)


def is_id(text: str) -> bool:
    """Whether it has the form of an id, in any letter case."""
    return _ID.fullmatch(text) is not None


def normalise_uuid(text: str) -> str:
    """Canonical lower-case form of any UUID. Raises ValueError for anything else."""
    return str(uuid.UUID(text))

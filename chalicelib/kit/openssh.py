"""Public keys in OpenSSH's one-line form (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"): algorithm, base64 data, comment."""

import base64
import re
from dataclasses import dataclass
from hashlib import sha256

PATTERN = re.compile(
    r"^(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa)\s+([A-Za-z0-9+/]+=*)\s*(.*)$",
    re.ASCII,
)
"""The shape that the contract asks for. It says nothing about what is inside the data."""

RSA_MIN_BITS = 2048

INVALID_FORMAT = "invalid SSH key format"
INVALID_BASE64 = "invalid base64 key data"
OTHER_ALGORITHM = "algorithm does not match the key data"
WEAK_RSA = f"RSA keys need at least {RSA_MIN_BITS} bits"

_ALGORITHMS = frozenset({"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"})
_LINE = re.compile(r"[ \t]*(\S+)[ \t]+(\S+)(?:[ \t]+[^\r\n\0]*)?\r?\n?", re.ASCII)
_LENGTH_BYTES = 4


class BadKeyError(Exception):
    """The key must not be used; ``text`` says why, and may be shown to the caller."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class ParsedKey:
    """A parsed line. ``blob`` is the key alone, independent of how the line was written."""

    algorithm: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The fingerprint of a key, as ``ssh-keygen -l`` prints it."""
        return f"SHA256:{base64.b64encode(sha256(self.blob).digest()).rstrip(b'=').decode('ascii')}"


def parse(line: str) -> ParsedKey:
    """Read one key. Blanks, tabs and the comment make no difference; one end of line may follow.

    Raises `BadKeyError` for anything but one line of a supported algorithm whose data is exactly one valid key of
    just that algorithm, and for RSA below `RSA_MIN_BITS`.
    """
    found = _LINE.fullmatch(line)
    if found is None or found[1] not in _ALGORITHMS:
        raise BadKeyError(INVALID_FORMAT)
    label, data = found[1], found[2]
    try:
        blob = base64.b64decode(data, validate=True)
    except ValueError as error:
        raise BadKeyError(INVALID_BASE64) from error
    if _algorithm_inside(blob) != label.encode():
        raise BadKeyError(OTHER_ALGORITHM)
    _check_key(label, data, blob)
    return ParsedKey(label, blob)


def _algorithm_inside(blob: bytes) -> bytes:
    """The data begins with the algorithm's name as a string of RFC 4251 section 5. Raises `BadKeyError`."""
    length = int.from_bytes(blob[:_LENGTH_BYTES])
    if len(blob) < _LENGTH_BYTES + length:
        raise BadKeyError(INVALID_FORMAT)
    return blob[_LENGTH_BYTES : _LENGTH_BYTES + length]


def _check_key(label: str, data: str, blob: bytes) -> None:
    # Not at the top: only functions that look at keys pay for the ciphers.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
        load_ssh_public_key,
    )

    try:
        key = load_ssh_public_key(f"{label} {data}".encode())
        written = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (ValueError, UnsupportedAlgorithm, NotImplementedError) as error:
        raise BadKeyError(INVALID_FORMAT) from error
    # One key, one blob: numbers written with needless zeros would make two fingerprints of it.
    if base64.b64decode(written.split()[1]) != blob:
        raise BadKeyError(INVALID_FORMAT)
    if isinstance(key, RSAPublicKey) and key.key_size < RSA_MIN_BITS:
        raise BadKeyError(WEAK_RSA)

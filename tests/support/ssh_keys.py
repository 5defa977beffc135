"""Public keys of SSH that follow from a number, in OpenSSH's one-line form."""

import base64
import functools

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@functools.cache
def ed25519_key(number: int = 0, comment: str = "user@host") -> str:
    """A key that follows from its number."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))
    return _line(key.public_key(), comment)


@functools.cache
def ecdsa_key(bits: int = 256, comment: str = "") -> str:
    curve = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}[bits]
    return _line(ec.derive_private_key(4711, curve).public_key(), comment)


@functools.cache
def rsa_key(bits: int = 2048, comment: str = "") -> str:
    """A public key alone: the factors of its modulus are not needed."""
    modulus = (1 << (bits - 1)) | 1
    return _line(rsa.RSAPublicNumbers(65537, modulus).public_key(), comment)


def relabelled(line: str, label: str) -> str:
    """The same data under another algorithm's name."""
    return " ".join([label, *line.split(" ")[1:]])


def of_blob(label: str, blob: bytes) -> str:
    return f"{label} {base64.b64encode(blob).decode()}"


def blob_of(line: str) -> bytes:
    return base64.b64decode(line.split()[1])


def _line(public_key: PublicKeyTypes, comment: str) -> str:
    text = public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"{text} {comment}".rstrip()

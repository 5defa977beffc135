"""The format of an enrollment key for machines: base64 of compact JSON ``{"admin_urls": [...], "nonce": "..."}``. The
nonce consists of the key's id and its secret. The blob is not signed: the stored row decides.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Sequence

from chalicelib.kit.ids import from_unpadded_base64, to_unpadded_base64

SECRET_BYTES = 32
_ID_BYTES = 16

BLOB_MAX_LENGTH = 16_384
"""Longer text cannot be one of our keys and is not decoded: the caller is not authenticated."""


def to_blob(admin_urls: Sequence[str], key_id: str, secret: bytes) -> str:
    """Standard alphabet, padded. The addresses are those of this moment and stay in the blob."""
    nonce = to_unpadded_base64(uuid.UUID(key_id).bytes + secret)
    text = json.dumps({"admin_urls": list(admin_urls), "nonce": nonce}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode("ascii")


def key_id_of(blob: str) -> str | None:
    """The id inside a blob; None for text that is not a blob. The key may not exist."""
    if len(blob) > BLOB_MAX_LENGTH:
        return None
    try:
        parsed = json.loads(base64.b64decode(blob, validate=True))
        nonce = from_unpadded_base64(parsed["nonce"])
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        return None
    if len(nonce) != _ID_BYTES + SECRET_BYTES:
        return None
    return str(uuid.UUID(bytes=nonce[:_ID_BYTES]))

"""The format of an enrollment key for machines: base64 of compact JSON ``{"admin_urls": [...], "nonce": "..."}``. The
nonce consists of the key's id and its secret. The blob is not signed: the stored row decides. A recovery key of a node
has its form, so that machines take it in the same way, and names the node as ``recovers``.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.kit.ids import from_unpadded_base64, to_unpadded_base64

SECRET_BYTES = 32
_ID_BYTES = 16

BLOB_MAX_LENGTH = 16_384
"""Longer text cannot be one of our keys and is not decoded: the caller is not authenticated."""


def to_blob(admin_urls: Sequence[str], key_id: str, secret: bytes) -> str:
    """Standard alphabet, padded. The addresses are those of this moment and stay in the blob."""
    return _encoded({"admin_urls": list(admin_urls), "nonce": _nonce(key_id, secret)})


def to_recovery_blob(admin_urls: Sequence[str], node_id: str, secret: bytes) -> str:
    """The recovery key of a node, as `to_blob`."""
    return _encoded({"admin_urls": list(admin_urls), "nonce": _nonce(node_id, secret), "recovers": node_id})


def _nonce(row_id: str, secret: bytes) -> str:
    return to_unpadded_base64(uuid.UUID(row_id).bytes + secret)


def _encoded(content: Mapping[str, Any]) -> str:
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode("ascii")


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

"""Signatures of bodies that are sent out, in two forms: a plain HMAC, and the headers of Standard Webhooks 1.0.0."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from standardwebhooks import Webhook

from chalicelib.kit.crypto import Secret

SHARED_SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's prefix, no secret

_SHORTEST_KEY_BYTES = 24
_LONGEST_KEY_BYTES = 64
"""Of keys behind the prefix (Standard Webhooks, "Signature scheme")."""


def hex_signature(secret: Secret, body: bytes) -> str:
    """``sha256=`` and the lower-case hex HMAC-SHA256 of the body; the key is the secret's UTF-8."""
    return f"sha256={hmac.new(secret.reveal().encode(), body, sha256).hexdigest()}"


def standard_headers(message_id: str, at: datetime, body: bytes, secrets: Sequence[Secret]) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` (of this attempt) and ``webhook-signature`` with one ``v1`` per secret."""
    text, at = body.decode(), at.astimezone(UTC)  # the library takes any time for one in UTC
    signatures = [Webhook(signing_key(secret)).sign(message_id, at, text) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def signing_key(secret: Secret) -> bytes:
    """The key of Standard Webhooks signatures: the secret's UTF-8, or, where it has the standard's form (``whsec_`` and
    24 to 64 bytes as base64), those bytes, as every library of that standard reads it."""
    text = secret.reveal()
    if text.startswith(SHARED_SECRET_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(SHARED_SECRET_PREFIX), validate=True)
        except binascii.Error:
            return text.encode()
        if _SHORTEST_KEY_BYTES <= len(key) <= _LONGEST_KEY_BYTES:
            return key
    return text.encode()

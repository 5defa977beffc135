"""Signs request bodies in two forms: a plain HMAC, and the headers of Standard Webhooks 1.0.0."""

import base64
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from standardwebhooks import Webhook

from chalicelib.kit.crypto import Secret

SHARED_SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's prefix, no secret

SHORTEST_KEY_BYTES = 24
LONGEST_KEY_BYTES = 64
"""The length of a key after the prefix (Standard Webhooks, "Signature scheme")."""


def hex_signature(secret: Secret, body: bytes) -> str:
    """``sha256=`` and the lower-case hex HMAC-SHA256 of the body; the key is the secret's UTF-8."""
    return f"sha256={hmac.new(secret.reveal().encode(), body, sha256).hexdigest()}"


def standard_headers(message_id: str, at: datetime, body: bytes, secrets: Sequence[Secret]) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` (of this attempt) and ``webhook-signature`` with a ``v1`` for each key of
    each secret."""
    text, at = body.decode(), at.astimezone(UTC)  # the library takes any time for one in UTC
    signatures = [Webhook(key).sign(message_id, at, text) for secret in secrets for key in signing_keys(secret)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def signing_keys(secret: Secret) -> tuple[bytes, ...]:
    """The keys of Standard Webhooks signatures.

    A secret in the standard's form (``whsec_`` and 24 to 64 bytes as base64) gives those bytes, as every library of the
    standard reads it. Any other secret gives its UTF-8 bytes. If these happen to be base64, some libraries decode them,
    so the decoded bytes are a second key.
    """
    text = secret.reveal()
    if text.startswith(SHARED_SECRET_PREFIX):
        key = shared_key(text)
        return (text.encode() if key is None else key,)
    decoded = _decoded(text)
    return (text.encode(), decoded) if decoded else (text.encode(),)


def shared_key(text: str) -> bytes | None:
    """The bytes of a secret in the standard's form; None unless base64 of 24 to 64 bytes follows the prefix."""
    key = _decoded(text.removeprefix(SHARED_SECRET_PREFIX))
    return key if key is not None and SHORTEST_KEY_BYTES <= len(key) <= LONGEST_KEY_BYTES else None


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # no base64, or no ASCII
        return None

"""The format of an agent's token: base64 without padding of its node id (16 bytes) and 32 random bytes."""

import uuid

from chalicelib.kit.ids import Ids, from_unpadded_base64, to_unpadded_base64, uuid_text

SECRET_BYTES = 32
_ID_BYTES = 16
TOKEN_LENGTH = (_ID_BYTES + SECRET_BYTES) * 4 // 3
"""64 characters: 48 bytes leave base64 nothing to pad."""


def new_api_token(node_id: str, ids: Ids) -> str:
    """A new token for the node."""
    return to_unpadded_base64(uuid.UUID(node_id).bytes + ids.token_bytes(SECRET_BYTES))


def new_proxy_password(ids: Ids) -> str:
    """43 characters."""
    return to_unpadded_base64(ids.token_bytes(SECRET_BYTES))


def node_id_of(token: str) -> str | None:
    """The node id in the token, which proves nothing; None for text that cannot be a token."""
    if len(token) != TOKEN_LENGTH:
        return None
    try:
        raw = from_unpadded_base64(token)
    except ValueError:
        return None
    return uuid_text(raw[:_ID_BYTES])

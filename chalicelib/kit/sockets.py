"""Sends frames to open WebSockets through API Gateway's management API."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

FRAME_BYTES = 32 * 1024
"""The largest frame that API Gateway sends (WebSocket quotas)."""

_GONE = frozenset({"GoneException", "410"})


class SocketError(Exception):
    """The management API could not be reached, or refused for a reason other than a closed socket."""


class SocketClient(Protocol):
    """The part of boto3's API Gateway management client that is used."""

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> Any: ...  # noqa: N803 - boto3's names

    def delete_connection(self, *, ConnectionId: str) -> Any: ...  # noqa: N803


class Sockets:
    """Posts frames to WebSockets and closes them. A closed socket gives False and no error."""

    def __init__(self, client: SocketClient) -> None:
        self._client = client

    def post(self, connection_id: str, frame: Mapping[str, Any]) -> bool:
        """Send one JSON frame; False if the socket is gone. Raises ValueError for a frame above `FRAME_BYTES`, and
        `SocketError` for any other failure."""
        data = json.dumps(frame, separators=(",", ":")).encode()
        if len(data) > FRAME_BYTES:
            raise ValueError(f"a frame holds at most {FRAME_BYTES} bytes, not {len(data)}")
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=data)
        except (ClientError, BotoCoreError) as error:
            return _gone_or_raise(error)
        return True

    def close(self, connection_id: str) -> None:
        """Close the socket; one that is gone already is fine. Raises `SocketError`."""
        try:
            self._client.delete_connection(ConnectionId=connection_id)
        except (ClientError, BotoCoreError) as error:
            _gone_or_raise(error)


def _gone_or_raise(error: ClientError | BotoCoreError) -> bool:
    """False for a socket that is gone."""
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in _GONE:
        return False
    raise SocketError(f"{type(error).__name__} from the management API") from error

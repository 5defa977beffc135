"""Encrypts a webhook's secrets and headers, each bound to its row and field."""

import json
from datetime import datetime

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.crypto import Sealer, associated_data
from chalicelib.platform.webhooks.model import SigningKeys, Webhook
from chalicelib.platform.webhooks.store import WEBHOOKS


class Vault:
    """Encrypts and decrypts the secrets of webhooks. A value can be decrypted only for its webhook and field."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal_secret(self, webhook_id: str, secret: str) -> bytes:
        return self._sealer.seal(secret, _associated_data(webhook_id, "secret"))

    def seal_headers(self, webhook_id: str, headers: dict[str, str]) -> bytes | None:
        """Seal the headers; None if there are none."""
        return self._sealer.seal(json.dumps(headers), _associated_data(webhook_id, "headers")) if headers else None

    def seal_as_previous(self, webhook: Webhook) -> bytes:
        """The current secret, encrypted for the field of the previous one."""
        current = self._sealer.open(webhook.secret_sealed, _associated_data(webhook.id, "secret"))
        return self._sealer.seal(current.reveal(), _associated_data(webhook.id, "previous_secret"))

    def keys_of(self, webhook: Webhook, now: datetime) -> SigningKeys:
        """The current signing secrets and extra headers. Raises `UnsealError` for bytes of another row."""
        secrets = [self._sealer.open(webhook.secret_sealed, _associated_data(webhook.id, "secret"))]
        until = webhook.previous_secret_until
        if webhook.previous_secret_sealed is not None and until is not None and until > to_seconds_text(now):
            secrets.append(
                self._sealer.open(webhook.previous_secret_sealed, _associated_data(webhook.id, "previous_secret"))
            )
        headers: dict[str, str] = {}
        if webhook.headers_sealed is not None:
            headers = json.loads(
                self._sealer.open(webhook.headers_sealed, _associated_data(webhook.id, "headers")).reveal()
            )
        return SigningKeys(secrets=tuple(secrets), headers=headers)


def redacted(text: str, keys: SigningKeys) -> str:
    """The text with our secrets masked, which a receiver may have sent back."""
    for secret in (*(one.reveal() for one in keys.secrets), *keys.headers.values()):
        text = text.replace(secret, "***") if secret else text
    return text


def _associated_data(webhook_id: str, field: str) -> str:
    return associated_data(WEBHOOKS, webhook_id, field)

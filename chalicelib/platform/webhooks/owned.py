"""Webhooks that belong to a thing of another part, such as a machine: it makes, changes and removes them, and sends
their events straight to the queue of deliveries. Attempts, pauses and the log are those of all webhooks.

They subscribe to nothing and are in no list. An operator of the installation can read one by its id, look at its log
and redeliver, and cannot change it.
"""

import base64

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import conflict, invalid
from chalicelib.kit.ids import Ids
from chalicelib.kit.outbound import Outbound, UrlRefusedError
from chalicelib.kit.signing import SHARED_SECRET_PREFIX
from chalicelib.platform.webhooks.model import Webhook
from chalicelib.platform.webhooks.vault import Vault
from chalicelib.platform.webhooks.webhook_store import WebhookStore

SECRET_BYTES = 32


class OwnedWebhooks:
    """Every method may be repeated."""

    def __init__(self, store: WebhookStore, vault: Vault, outbound: Outbound, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._vault = vault
        self._outbound = outbound
        self._clock = clock
        self._ids = ids

    def check(self, field: str, url: str) -> None:
        """Raises `EdgeError` (validation failed) for a URL with a denied host or address."""
        try:
            self._outbound.check(url)
        except UrlRefusedError as error:
            raise invalid(field, str(error)) from error

    def put(self, webhook_id: str, owner: str, url: str, form: str) -> None:
        """Have a webhook of this id that leads to ``url``: make it, or change its receiver, with which a pause ends.
        Its shared secret is made here and never shown: receivers verify the signature of the form. Raises
        `EdgeError` (conflict) if deliveries kept changing the row."""
        for _ in self._store.tries():
            now = to_seconds_text(self._clock.now())
            webhook = self._store.find(webhook_id)
            if webhook is None:
                if self._store.add_owned(self._new(webhook_id, owner, url, form, now)):
                    return
                continue
            if webhook.url == url:
                return
            well = {"failures": 0, "pauses": 0, "paused_until": None, "due_at": now if webhook.is_paused else None}
            changed = webhook.model_copy(update={**well, "url": url, "updated_at": now})
            if self._store.replace(webhook, changed, "webhook.redirected") is not None:
                return
        raise conflict("the webhook is being changed by others: try again")

    def remove(self, webhook_id: str) -> None:
        """Remove the webhook and its log, if it is there."""
        webhook = self._store.find(webhook_id)
        if webhook is not None:
            self._store.remove(webhook, self._clock.now())

    def _new(self, webhook_id: str, owner: str, url: str, form: str, now: str) -> Webhook:
        secret = SHARED_SECRET_PREFIX + base64.b64encode(self._ids.token_bytes(SECRET_BYTES)).decode()
        return Webhook(
            id=webhook_id,
            url=url,
            subscribed_events=(),
            form=form,
            owner=owner,
            secret_sealed=self._vault.seal_secret(webhook_id, secret),
            inserted_at=now,
            updated_at=now,
        )

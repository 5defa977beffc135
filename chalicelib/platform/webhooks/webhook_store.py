"""Reads and writes of webhooks."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from chalicelib.kit import tasks
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.redrive import due_rows
from chalicelib.kit.tables import (
    Check,
    ConditionFailedError,
    Delete,
    Equals,
    Exists,
    Item,
    Query,
    Tables,
    TransactionFailedError,
    Update,
    put_new,
)
from chalicelib.platform.webhooks.model import Webhook
from chalicelib.platform.webhooks.store import (
    DUE,
    LISTING,
    WEBHOOKS,
    changes_between,
    webhook_from_item,
    webhook_key,
    webhook_to_item,
)


class WebhookStore:
    """Webhooks on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, webhook: Webhook) -> None:
        self._tables.add(put_new(WEBHOOKS, webhook_to_item(webhook)), "webhook.created", result=webhook)

    def add_owned(self, webhook: Webhook) -> bool:
        """As `add`, for another part; returns False if there is one of that id."""
        return self._tables.try_write(put_new(WEBHOOKS, webhook_to_item(webhook)), "webhook.created")

    def find(self, webhook_id: str) -> Webhook | None:
        row = self._tables.get(WEBHOOKS, webhook_key(webhook_id))
        return None if row is None else webhook_from_item(row)

    def subscriptions(self) -> Iterator[Item]:
        """Id and events of every webhook, as the index shows them."""
        for page in self._tables.pages(Query(WEBHOOKS, LISTING, index=WEBHOOKS.index("listing"))):
            yield from page.items

    def remove(self, webhook: Webhook, now: datetime) -> None:
        """Remove a webhook that was read, and let its log be cleaned up. Does nothing if another has done it since."""
        own = Delete(WEBHOOKS, webhook_key(webhook.id), Exists("id"), was_read=True)
        with suppress(TransactionFailedError):
            self._tables.commit((own, tasks.ask("webhook", webhook.id, now)), "webhook.deleted")

    def tries(self) -> Iterator[None]:
        """See `Tables.tries`."""
        return self._tables.tries()

    def replace(self, old: Webhook, new: Webhook, operation: str) -> Webhook | None:
        """The webhook as it is then; None if it was changed or removed since ``old`` was read."""
        try:
            row = self._tables.write(self.replacing(old, new), operation)
        except ConditionFailedError:
            return None
        return webhook_from_item(row or {})

    def change(self, old: Webhook, new: Webhook, operation: str) -> bool:
        """As `replace`, for an operator who is answered with the new one; returns False in place of None."""
        try:
            self._tables.apply(self.replacing(old, new), operation, result=new)
        except ConditionFailedError:
            return False
        return True

    def replacing(self, old: Webhook, new: Webhook) -> Update:
        """The same as a write for a transaction."""
        changes = changes_between(webhook_to_item(old), webhook_to_item(new))
        return Update(WEBHOOKS, webhook_key(old.id), changes, Equals("version", old.version))

    def still_paused(self, webhook_id: str) -> Check:
        """A check only; fails if the webhook has recovered or is gone."""
        return Check(WEBHOOKS, webhook_key(webhook_id), Exists("paused_until"))

    def due_pages(self, now: datetime) -> Iterator[list[Webhook]]:
        """The due webhooks, most overdue first, read anew."""
        for rows in due_rows(self._tables, WEBHOOKS, DUE, to_seconds_text(now)):
            yield [webhook_from_item(row) for row in rows]

"""Use cases of operators: webhooks themselves."""

from collections.abc import Callable, Collection

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import conflict, found, invalid
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.outbound import Outbound, UrlRefusedError
from chalicelib.platform.webhooks.model import NewWebhook, Webhook
from chalicelib.platform.webhooks.rules import check_new, check_secret, overlap_end
from chalicelib.platform.webhooks.store import WEBHOOK_LIST, webhook_from_item
from chalicelib.platform.webhooks.vault import Vault
from chalicelib.platform.webhooks.webhook_store import WebhookStore


class Webhooks:
    """Creates, lists, rotates and deletes webhooks. ``catalogue`` gives the event types that exist."""

    def __init__(
        self,
        store: WebhookStore,
        vault: Vault,
        outbound: Outbound,
        clock: Clock,
        ids: Ids,
        *,
        catalogue: Callable[[], Collection[str]],
        lists: Lists,
    ) -> None:
        self._store = store
        self._vault = vault
        self._outbound = outbound
        self._clock = clock
        self._ids = ids
        self._catalogue = catalogue
        self._lists = lists

    def create(self, wanted: NewWebhook) -> Webhook:
        """Create a webhook. It receives the events from about a second later on. Raises `EdgeError` (validation failed)
        for an invalid secret, header or event type, and for a URL with a denied host or address."""
        check_new(wanted, self._catalogue())
        try:
            self._outbound.check(wanted.url)
        except UrlRefusedError as error:
            raise invalid("url", str(error)) from error
        now = self._clock.now()
        webhook_id = self._ids.uuid7(now)
        webhook = Webhook(
            id=webhook_id,
            url=wanted.url,
            subscribed_events=tuple(dict.fromkeys(wanted.subscribed_events)),
            secret_sealed=self._vault.seal_secret(webhook_id, wanted.secret),
            headers_sealed=self._vault.seal_headers(webhook_id, wanted.headers),
            inserted_at=to_seconds_text(now),
            updated_at=to_seconds_text(now),
        )
        self._store.add(webhook)
        return webhook

    def get(self, webhook_id: str) -> Webhook:
        """Raises `EdgeError` (not found)."""
        return found(self._store.find(webhook_id))

    def list_page(self, request: ListRequest) -> ListPage[Webhook]:
        """One page of all webhooks; raises `EdgeError` (bad request) when the filters leave too much to read."""
        return self._lists.page(WEBHOOK_LIST, request).map(webhook_from_item)

    def rotate_secret(self, webhook_id: str, secret: str, overlap_seconds: int) -> Webhook:
        """Sign with a new secret from now on, and for ``overlap_seconds`` with the present one as well.

        Raises `EdgeError` (not found), (validation failed) for the secret, (conflict) if deliveries kept changing the
        row.
        """
        check_secret(secret)
        sealed = self._vault.seal_secret(webhook_id, secret)
        for _ in self._store.tries():
            webhook = self._changeable(webhook_id)
            now = self._clock.now()
            until = overlap_end(now, overlap_seconds)
            values = {
                "secret_sealed": sealed,
                "previous_secret_sealed": None if until is None else self._vault.seal_as_previous(webhook),
                "previous_secret_until": until,
                "updated_at": to_seconds_text(now),
            }
            rotated = webhook.model_copy(update=values)
            if self._store.change(webhook, rotated, "webhook.secret_rotated"):
                return rotated
        raise conflict("the webhook is being changed by others: try again")

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook. From now on nothing is sent to it, except by attempts in progress; its log is cleaned up
        afterwards. Raises `EdgeError` (not found)."""
        self._store.remove(self._changeable(webhook_id), self._clock.now())

    def _changeable(self, webhook_id: str) -> Webhook:
        """The webhook, unless it belongs to a thing of another part, which alone changes it."""
        webhook = self.get(webhook_id)
        return found(None if webhook.owner else webhook)

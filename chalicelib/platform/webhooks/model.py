"""The models of webhooks and of their deliveries."""

import gzip
import json
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from chalicelib.kit.crypto import Secret
from chalicelib.platform.webhooks.forms import CLOUD_EVENTS

TEST_EVENT_TYPE = "edge.webhook.test"
"""The type of test events that an operator requests. It is not in the catalogue and cannot be subscribed to."""

SORTABLE = frozenset({"url", "inserted_at", "updated_at"})
"""The fields by which a list of webhooks can be sorted."""

DELIVERIES_SORTABLE = frozenset({"status", "event_type", "inserted_at", "updated_at"})
"""The fields by which a delivery log can be sorted."""


class NewWebhook(BaseModel, frozen=True):
    """A new webhook, as an operator requests it."""

    url: str
    secret: str = Field(repr=False)
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    subscribed_events: tuple[str, ...]


class Webhook(BaseModel, frozen=True):
    """``form`` names how it gets its events (`forms.FORMS`). ``owner`` names the thing of another part that it belongs
    to, which alone changes it, "" for none.

    ``failures`` counts attempts that failed in a row. From `paused_until` being set until an attempt succeeds,
    deliveries wait; one attempt may be made once that time has come. ``due_at`` is when the sweep looks at it.

    Secrets and headers are sealed. Times are seconds text.
    """

    id: str
    url: str
    subscribed_events: tuple[str, ...]
    form: str = CLOUD_EVENTS
    owner: str = ""
    secret_sealed: bytes = Field(repr=False)
    headers_sealed: bytes | None = Field(None, repr=False)
    previous_secret_sealed: bytes | None = Field(None, repr=False)
    previous_secret_until: str | None = None
    failures: int = 0
    pauses: int = 0
    paused_until: str | None = None
    due_at: str | None = None
    inserted_at: str
    updated_at: str
    version: int = 0

    @property
    def is_paused(self) -> bool:
        return self.paused_until is not None


class DeliveryStatus(StrEnum):
    """``expired``: it grew too old before an attempt succeeded."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


class Attempt(BaseModel, frozen=True):
    """``status`` is the receiver's answer, or None with ``error`` for why there is none. ``response`` is the beginning
    of the answer's body. ``at`` is seconds text."""

    at: str
    milliseconds: int
    status: int | None = None
    error: str | None = None
    response: str | None = None


class Delivery(BaseModel, frozen=True):
    """One event on its way to one webhook.

    ``leased_until`` is set while an attempt is under way; ``is_held`` while it waits for its webhook's pause to end;
    ``next_attempt_at`` tells when it may be tried, ``due_at`` when the sweep queues it in case its message was lost.
    ``queued_at`` is where its age counts from. ``is_forced`` lets it pass a pause. ``attempt_count`` includes the
    attempt under way, and is how many it had in all, where ``attempts`` keeps the last ten; ``attempt_limit`` is the
    count at which it gives up.
    """

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    envelope_gz: bytes = Field(repr=False)
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: tuple[Attempt, ...] = ()
    attempt_count: int = 0
    attempt_limit: int
    is_forced: bool = False
    is_held: bool = False
    queued_at: str
    next_attempt_at: str | None = None
    leased_until: str | None = None
    due_at: str | None = None
    inserted_at: str
    updated_at: str
    expires_epoch: int
    version: int = 0

    @property
    def body(self) -> bytes:
        """The body, identical in every attempt."""
        return gzip.decompress(self.envelope_gz)

    @property
    def envelope(self) -> dict[str, Any]:
        """The body as JSON: the event's envelope, or what the webhook's form makes of it."""
        envelope: dict[str, Any] = json.loads(self.body)
        return envelope

    @property
    def is_final(self) -> bool:
        return self.status is not DeliveryStatus.PENDING


class Outcome(BaseModel, frozen=True):
    """The result of an attempt: the attempt as it is logged, and the receiver's Retry-After."""

    attempt: Attempt
    retry_after_seconds: int | None = None
    is_refused: bool = False
    """Nothing was sent: the URL's host or address is denied."""


class SigningKeys(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """The secrets that sign now, the current one first, and the headers that the operator adds."""

    secrets: tuple[Secret, ...]
    headers: dict[str, str] = Field(repr=False)


def compress(body: bytes) -> bytes:
    """The same bytes for the same body: without the time in gzip's header."""
    return gzip.compress(body, mtime=0)

"""The state machine of a delivery. Pure.

pending -> (attempt) -> succeeded | failed | expired, or pending again with a later attempt. The three are final until
an operator redelivers. Each step is one conditional write of the row that it was decided on.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.errors import conflict
from chalicelib.platform.webhooks.forms import CLOUD_EVENTS, FORMS
from chalicelib.platform.webhooks.model import Attempt, Delivery, DeliveryStatus, Outcome, compress

FIRST_RETRY_SECONDS = 15
RETRY_FACTOR = 4
LONGEST_RETRY_SECONDS = 3600
"""By default retries follow after 15 s, 1 min, 4 min, 16 min and then every hour, each +-20 %."""

LONGEST_RETRY_AFTER_SECONDS = 3600
"""The longest Retry-After that is honoured."""

LEASE = timedelta(seconds=60)
"""How long an attempt may take: twice the timeout of the function that makes it."""

GRACE = timedelta(seconds=60)
"""The time that a message has to arrive after its due time, before the sweep sends another."""

REQUEUE = timedelta(minutes=5)
"""How long the sweep waits for a message that it has sent."""

EARLY = timedelta(seconds=5)
"""A message may arrive this much early: SQS counts whole seconds, and clocks differ."""

KEPT = timedelta(days=30)
KEPT_ATTEMPTS = 10

INTERRUPTED = "interrupted"
"""The error of an attempt that was started and never finished."""

_JITTER = 0.2
_RETRIED_STATUSES = frozenset({408, 425, 429})
_SERVER_ERRORS = range(500, 600)
_SUCCESSES = range(200, 300)


@dataclass(frozen=True)
class Policy:
    """``max_age`` None: deliveries never grow too old. ``first_retry_seconds`` lie before the second attempt, and
    `RETRY_FACTOR` times as much before each further one."""

    max_attempts: int
    max_age: timedelta | None
    first_retry_seconds: int = FIRST_RETRY_SECONDS


def new_delivery(
    webhook_id: str, envelope: Mapping[str, Any], queued_at: str, attempt_limit: int, form: str = CLOUD_EVENTS
) -> Delivery:
    """An event for a webhook. Its id follows from both, so that queueing it twice makes one delivery."""
    event_id = str(envelope["id"])
    return Delivery(
        id=delivery_id_of(event_id, webhook_id),
        webhook_id=webhook_id,
        event_id=event_id,
        event_type=str(envelope["type"]),
        envelope_gz=compress(FORMS[form].body(envelope)),
        attempt_limit=attempt_limit,
        queued_at=queued_at,
        inserted_at=queued_at,
        updated_at=queued_at,
        expires_epoch=int((parse_time(queued_at) + KEPT).timestamp()),
    )


def delivery_id_of(event_id: str, webhook_id: str) -> str:
    return str(uuid.uuid5(uuid.UUID(event_id), webhook_id))


def ask(delivery: Delivery, now: datetime, *, is_forced: bool) -> Delivery:
    """To be tried at once."""
    return _changed(delivery, now, is_forced=is_forced, **_try_at(now))


def is_too_old(delivery: Delivery, now: datetime, policy: Policy) -> bool:
    return policy.max_age is not None and now - parse_time(delivery.queued_at) > policy.max_age


def may_start(delivery: Delivery, now: datetime) -> bool:
    """Whether a message may start an attempt: the delivery is pending and due, and no other worker has its lease."""
    if delivery.is_final:
        return False
    if delivery.leased_until is not None:
        return delivery.leased_until <= to_seconds_text(now)
    return delivery.next_attempt_at is None or delivery.next_attempt_at <= to_seconds_text(now + EARLY)


def begin(delivery: Delivery, now: datetime) -> Delivery:
    """An attempt is under way. One before it that never ended is logged as interrupted; if that was the last, it has
    failed."""
    if delivery.leased_until is not None:
        lost = Attempt(at=delivery.updated_at, milliseconds=0, error=INTERRUPTED)
        delivery = delivery.model_copy(update={"attempts": _with(delivery, lost)})
        if delivery.attempt_count >= delivery.attempt_limit:
            return _end(delivery, DeliveryStatus.FAILED, now)
    lease = now + LEASE
    return _changed(
        delivery,
        now,
        attempt_count=delivery.attempt_count + 1,
        is_held=False,
        next_attempt_at=None,
        leased_until=to_seconds_text(lease),
        due_at=to_seconds_text(lease + GRACE),
    )


def finish(delivery: Delivery, outcome: Outcome, now: datetime, fraction: float, policy: Policy) -> Delivery:
    """The delivery after an attempt. ``fraction`` in [0, 1) is the jitter."""
    delivery = delivery.model_copy(update={"attempts": _with(delivery, outcome.attempt)})
    if succeeded(outcome):
        return _end(delivery, DeliveryStatus.SUCCEEDED, now)
    if not _is_worth_a_retry(outcome) or delivery.attempt_count >= delivery.attempt_limit:
        return _end(delivery, DeliveryStatus.FAILED, now)
    seconds = retry_seconds(delivery.attempt_count, outcome.retry_after_seconds, fraction, policy.first_retry_seconds)
    at = now + timedelta(seconds=seconds)
    return _changed(delivery, now, leased_until=None, **_try_at(at))


def expire(delivery: Delivery, now: datetime) -> Delivery:
    return _end(delivery, DeliveryStatus.EXPIRED, now)


def hold(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery held until its webhook's pause ends; resuming the webhook releases it."""
    return _changed(delivery, now, is_held=True, leased_until=None, next_attempt_at=None, due_at=None)


def release(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery after its webhook has recovered: the caller sends a message for it."""
    return _changed(postpone(delivery, now), now, is_held=False, next_attempt_at=to_seconds_text(now))


def postpone(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery when a message for it is sent: it becomes due again, in case the message is lost."""
    return delivery.model_copy(update={"due_at": to_seconds_text(now + REQUEUE)})


def redeliver(delivery: Delivery, now: datetime, policy: Policy, *, is_forced: bool) -> Delivery:
    """The delivery restarted, with new attempts under the same event id. Raises `EdgeError` (conflict) while an attempt
    is under way."""
    text = to_seconds_text(now)
    if delivery.leased_until is not None and delivery.leased_until > text:
        raise conflict("an attempt of this delivery is under way")
    return _changed(
        delivery,
        now,
        status=DeliveryStatus.PENDING,
        attempt_limit=delivery.attempt_count + policy.max_attempts,
        is_forced=is_forced,
        is_held=False,
        queued_at=text,
        leased_until=None,
        expires_epoch=int((now + KEPT).timestamp()),
        **_try_at(now),
    )


def succeeded(outcome: Outcome) -> bool:
    return outcome.attempt.status in _SUCCESSES


def retry_seconds(attempts: int, retry_after_seconds: int | None, fraction: float, first_seconds: int) -> int:
    """The pause after so many attempts: exponential, with 20 % jitter, and at least the receiver's Retry-After."""
    # The exponent is bounded, not only its result: an operator may set any number of attempts.
    factor: int = RETRY_FACTOR ** min(attempts - 1, 8)
    base = min(first_seconds * factor, LONGEST_RETRY_SECONDS)
    spread = round(base * (1 - _JITTER + 2 * _JITTER * fraction))
    return max(spread, min(retry_after_seconds or 0, LONGEST_RETRY_AFTER_SECONDS))


def parse_retry_after(value: str | None, now: datetime) -> int | None:
    """Seconds, from a header that holds seconds or an HTTP date (RFC 9110 section 10.2.3); None for anything else."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        return max(0, int((parsedate_to_datetime(text) - now).total_seconds()))
    except (ValueError, TypeError, OverflowError):  # no date, one without a zone, one that no calendar has
        return None


def _is_worth_a_retry(outcome: Outcome) -> bool:
    status = outcome.attempt.status
    if status is None:
        return not outcome.is_refused
    return status in _RETRIED_STATUSES or status in _SERVER_ERRORS


def _with(delivery: Delivery, attempt: Attempt) -> tuple[Attempt, ...]:
    return (*delivery.attempts, attempt)[-KEPT_ATTEMPTS:]


def _try_at(moment: datetime) -> dict[str, str]:
    return {"next_attempt_at": to_seconds_text(moment), "due_at": to_seconds_text(moment + GRACE)}


def _end(delivery: Delivery, status: DeliveryStatus, now: datetime) -> Delivery:
    return _changed(
        delivery,
        now,
        status=status,
        is_held=False,
        is_forced=False,
        next_attempt_at=None,
        leased_until=None,
        due_at=None,
    )


def _changed(delivery: Delivery, now: datetime, **values: object) -> Delivery:
    return delivery.model_copy(update={**values, "updated_at": to_seconds_text(now)})

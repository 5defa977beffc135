"""The circuit breaker of a webhook: when it is paused, probed and resumed. Pure.

active -> paused after `FAILURES_TO_PAUSE` failed attempts in a row -> one attempt (a probe) at a time, at growing
distances -> active with the first success. Deliveries that wait meanwhile use no attempts and do not block other
webhooks.
"""

from datetime import datetime, timedelta

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.platform.webhooks.attempts import GRACE, LEASE
from chalicelib.platform.webhooks.model import Webhook

FAILURES_TO_PAUSE = 5

FIRST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=15)

_JITTER = 0.2


def may_probe(webhook: Webhook, now: datetime) -> bool:
    """Whether the pause has lasted long enough for one attempt."""
    return webhook.paused_until is not None and webhook.paused_until <= to_seconds_text(now)


def probed(webhook: Webhook, now: datetime) -> Webhook:
    """The webhook during a probe: no other worker may probe it until the lease is over."""
    return _paused(webhook, now + LEASE)


def health_after(webhook: Webhook, now: datetime, fraction: float, *, success: bool, is_probe: bool) -> Webhook:
    """The webhook after an attempt; the same object if nothing changes. Attempts that were under way when the pause
    began do not make it longer: only a probe does."""
    if success:
        if not webhook.failures and not webhook.is_paused:
            return webhook
        well: dict[str, object] = {"failures": 0, "pauses": 0, "paused_until": None}
        if webhook.is_paused:
            well["due_at"] = to_seconds_text(now)  # the sweep releases what waits
        return webhook.model_copy(update=well)
    if webhook.is_paused and not is_probe:
        return webhook
    failures = webhook.failures + 1
    if not webhook.is_paused and failures < FAILURES_TO_PAUSE:
        return webhook.model_copy(update={"failures": failures})
    seconds = min(FIRST_PAUSE * 2 ** min(webhook.pauses, 8), LONGEST_PAUSE).total_seconds()
    until = now + timedelta(seconds=round(seconds * (1 - _JITTER * fraction)))
    return _paused(webhook, until).model_copy(update={"failures": failures, "pauses": webhook.pauses + 1})


def is_drained(webhook: Webhook, now: datetime) -> bool:
    """Whether an index without waiting deliveries proves that there are none: none is held once the webhook is well,
    and the index has had time to show those from before."""
    return webhook.due_at is not None and parse_time(webhook.due_at) + GRACE <= now


def _paused(webhook: Webhook, until: datetime) -> Webhook:
    text = to_seconds_text(until)
    return webhook.model_copy(update={"paused_until": text, "due_at": text})

from datetime import timedelta

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.platform.webhooks.health import (
    FAILURES_TO_PAUSE,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    health_after,
    is_drained,
    may_probe,
    probed,
)
from chalicelib.platform.webhooks.model import Webhook
from tests.support.fakes.clock import START

NOW = to_seconds_text(START)


def webhook(**fields):
    given = {
        "id": "w",
        "url": "https://a.example/",
        "subscribed_events": (),
        "secret_sealed": b"",
        "inserted_at": NOW,
        "updated_at": NOW,
    }
    return Webhook(**{**given, **fields})


def failing(one, now=START, *, is_probe=False):
    return health_after(one, now, 0.0, success=False, is_probe=is_probe)


def succeeding(one, now=START):
    return health_after(one, now, 0.0, success=True, is_probe=False)


def paused():
    one = webhook()
    for _ in range(FAILURES_TO_PAUSE):
        one = failing(one)
    return one


def test_five_consecutive_failures_pause_the_webhook():
    one = webhook()
    for count in range(1, FAILURES_TO_PAUSE):
        one = failing(one)
        assert (one.failures, one.is_paused) == (count, False)
    one = failing(one)
    assert parse_time(one.paused_until) == START + FIRST_PAUSE
    assert one.due_at == one.paused_until


def test_success_resets_the_failure_count():
    one = succeeding(webhook(failures=4))
    assert (one.failures, failing(one).is_paused) == (0, False)


def test_success_leaves_a_healthy_webhook_unchanged():
    well = webhook()
    assert succeeding(well) is well


def test_attempts_under_way_do_not_extend_the_pause():
    one = paused()
    assert failing(one) is one


def test_failed_probe_doubles_the_pause_up_to_fifteen_minutes():
    one, now, pauses = paused(), START, []
    for _ in range(7):
        now = parse_time(one.paused_until)
        assert may_probe(one, now)
        one = failing(probed(one, now), now, is_probe=True)
        pauses.append(parse_time(one.paused_until) - now)
    assert pauses == [timedelta(minutes=2), timedelta(minutes=4), timedelta(minutes=8), *[LONGEST_PAUSE] * 4]


def test_paused_webhook_is_probed_once_at_a_time():
    one = paused()
    now = parse_time(one.paused_until)
    assert not may_probe(one, now - timedelta(seconds=1))
    assert may_probe(one, now)
    assert not may_probe(probed(one, now), now)


def test_success_ends_the_pause_and_makes_held_deliveries_due():
    one = succeeding(paused())
    assert (one.failures, one.pauses, one.paused_until, one.due_at) == (0, 0, None, NOW)


def test_failed_probe_of_a_recovered_webhook_counts_as_one_failure():
    one = failing(webhook(), is_probe=True)
    assert (one.failures, one.is_paused) == (1, False)


def test_recovered_webhook_stays_due_until_the_index_has_caught_up():
    one = succeeding(paused())
    assert not is_drained(one, START + timedelta(seconds=59))
    assert is_drained(one, START + timedelta(seconds=60))
    assert not is_drained(webhook(), START)

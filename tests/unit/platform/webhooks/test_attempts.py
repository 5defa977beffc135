from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.webhooks import attempts
from chalicelib.platform.webhooks.attempts import Policy
from chalicelib.platform.webhooks.model import Attempt, DeliveryStatus, Outcome
from tests.support.fakes.clock import START

ENVELOPE = {"id": "01936d2c-0000-5000-8000-0123456789ab", "type": "edge.node.registered", "data": {"text": "ü"}}
WEBHOOK_ID = "01936d2c-0000-7000-8000-0123456789ab"
POLICY = Policy(max_attempts=3, max_age=timedelta(hours=1))


def fresh(limit=3):
    return attempts.new_delivery(WEBHOOK_ID, ENVELOPE, to_seconds_text(START), limit)


def outcome(status=None, retry_after=None, **fields):
    attempt = Attempt(at=to_seconds_text(START), milliseconds=5, status=status, error=None if status else "timeout")
    return Outcome(attempt=attempt, retry_after_seconds=retry_after, **fields)


def attempted(delivery, result, now=START, policy=POLICY):
    return attempts.finish(attempts.begin(delivery, now), result, now, 0.5, policy)


def seconds_until_next(delivery, now=START):
    return (parse_time(delivery.next_attempt_at) - now).total_seconds()


def test_delivery_id_is_deterministic_and_its_body_is_kept_as_bytes():
    first, again = fresh(), fresh()
    assert first.id == again.id
    assert first.body == '{"id":"%s","type":"edge.node.registered","data":{"text":"ü"}}'.encode() % (
        ENVELOPE["id"].encode()
    )
    assert first.envelope_gz == again.envelope_gz
    assert attempts.new_delivery("other", ENVELOPE, to_seconds_text(START), 3).id != first.id


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_delivery_answered_with_2xx_succeeds(status):
    done = attempted(fresh(), outcome(status))
    assert (done.status, done.next_attempt_at, done.due_at) == (DeliveryStatus.SUCCEEDED, None, None)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599, None])
def test_retryable_status_keeps_the_delivery_pending(status):
    done = attempted(fresh(), outcome(status))
    assert done.status is DeliveryStatus.PENDING
    assert seconds_until_next(done) == 15


@pytest.mark.parametrize(
    "status", [100, 199, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 410, 422, 451, 600]
)
def test_permanent_status_fails_the_delivery(status):
    assert attempted(fresh(), outcome(status)).status is DeliveryStatus.FAILED


def test_refused_url_fails_the_delivery():
    assert attempted(fresh(), outcome(is_refused=True)).status is DeliveryStatus.FAILED


def test_delivery_fails_after_its_last_attempt():
    delivery = fresh(limit=3)
    for expected in (DeliveryStatus.PENDING, DeliveryStatus.PENDING, DeliveryStatus.FAILED):
        delivery = attempted(delivery, outcome(500))
        assert delivery.status is expected
    assert (delivery.attempt_count, len(delivery.attempts)) == (3, 3)


def test_attempt_log_is_bounded():
    delivery = fresh(limit=50)
    for _ in range(25):
        delivery = attempted(delivery, outcome(500))
    assert (delivery.attempt_count, len(delivery.attempts)) == (25, attempts.KEPT_ATTEMPTS)


def test_retry_pauses_grow_to_an_hour():
    middle = [attempts.retry_seconds(count, None, 0.5, 15) for count in range(1, 8)]
    assert middle == [15, 60, 240, 960, 3600, 3600, 3600]


def test_first_retry_pause_follows_the_setting():
    patient = Policy(max_attempts=3, max_age=None, first_retry_seconds=600)
    once = attempted(fresh(), outcome(500), policy=patient)
    twice = attempted(once, outcome(500), policy=patient)
    assert [seconds_until_next(once), seconds_until_next(twice)] == [600, 2400]


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_retry_jitter_is_a_fifth(count, fraction):
    middle = attempts.retry_seconds(count, None, 0.5, 15)
    assert middle * 0.8 - 1 <= attempts.retry_seconds(count, None, fraction, 15) <= middle * 1.2 + 1


@pytest.mark.parametrize(("asked", "seconds"), [(None, 15), (5, 15), (120, 120), (3600, 3600), (10**9, 3600)])
def test_retry_after_extends_the_pause_up_to_a_bound(asked, seconds):
    assert seconds_until_next(attempted(fresh(), outcome(503, asked))) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        (" 7 ", 7),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 30, 999_999_999),
        ("²", None),
        ("Sat, 21 Nov 2026 10:02:00 GMT", 120),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0),
        ("Sat, 21 Nov 2026 10:02:00", None),
        ("Sat, 21 Nov 9999 10:02:00 GMT", 251_603_539_320),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
        ("Sat, 21 Nov 99999999999999999999 10:02:00 GMT", None),
        ("Sat, 21 Nov 2026 10:02:00 +9999999", None),
        ("9" * 5000, 999_999_999),
        ("\u0661\u0662", None),
    ],
)
def test_retry_after_is_parsed_as_seconds_or_date(value, seconds):
    assert attempts.parse_retry_after(value, START) == seconds


@given(st.text("Sat, 21 Nov2026:0GMT+-()éÿ", max_size=40) | st.from_regex(r"Sat, 21 Nov [0-9]{1,25} [0-9:+]{1,25}"))
def test_any_retry_after_text_is_parsed_without_error(value):
    assert (attempts.parse_retry_after(value, START) or 0) >= 0


class TestStarting:
    def test_new_delivery_may_start(self):
        assert attempts.may_start(fresh(), START)

    def test_leased_delivery_may_not_start_until_the_lease_ends(self):
        begun = attempts.begin(fresh(), START)
        assert not attempts.may_start(begun, START + attempts.LEASE - timedelta(seconds=1))
        assert attempts.may_start(begun, START + attempts.LEASE)

    def test_leased_delivery_is_due_after_its_lease(self):
        begun = attempts.begin(fresh(), START)
        assert parse_time(begun.due_at) > parse_time(begun.leased_until)

    def test_delivery_may_not_start_early_beyond_clock_skew(self):
        waiting = attempted(fresh(), outcome(500))
        at = parse_time(waiting.next_attempt_at)
        assert not attempts.may_start(waiting, at - attempts.EARLY - timedelta(seconds=1))
        assert attempts.may_start(waiting, at - attempts.EARLY)

    def test_finished_delivery_may_not_start(self):
        assert not attempts.may_start(attempted(fresh(), outcome(204)), START + timedelta(days=1))

    def test_lost_attempt_counts_towards_the_limit(self):
        lost = attempts.begin(fresh(limit=2), START)
        later = START + attempts.LEASE
        again = attempts.begin(lost, later)
        assert (again.attempt_count, again.status) == (2, DeliveryStatus.PENDING)
        assert [attempt.error for attempt in again.attempts] == ["interrupted"]
        assert attempts.begin(again, later + attempts.LEASE).status is DeliveryStatus.FAILED


class TestAge:
    def test_delivery_age_counts_from_queueing(self):
        assert not attempts.is_too_old(fresh(), START + timedelta(hours=1), POLICY)
        assert attempts.is_too_old(fresh(), START + timedelta(hours=1, seconds=1), POLICY)

    def test_delivery_age_may_be_unlimited(self):
        assert not attempts.is_too_old(fresh(), START + timedelta(days=99), Policy(3, None))

    def test_redelivery_restarts_the_age(self):
        later = START + timedelta(days=1)
        renewed = attempts.redeliver(attempts.expire(fresh(), later), later, POLICY, is_forced=True)
        assert not attempts.is_too_old(renewed, later, POLICY)


class TestRedelivery:
    def test_redelivery_renews_attempts_and_keeps_the_log(self):
        failed = attempted(fresh(limit=1), outcome(500))
        renewed = attempts.redeliver(failed, START, POLICY, is_forced=False)
        assert (renewed.status, renewed.event_id) == (DeliveryStatus.PENDING, failed.event_id)
        assert (renewed.attempt_count, renewed.attempt_limit, len(renewed.attempts)) == (1, 4, 1)
        assert attempts.may_start(renewed, START)

    def test_redelivery_during_an_attempt_is_a_conflict(self):
        begun = attempts.begin(fresh(), START)
        with pytest.raises(EdgeError) as caught:
            attempts.redeliver(begun, START, POLICY, is_forced=True)
        assert caught.value.kind is Kind.CONFLICT
        assert attempts.redeliver(begun, START + attempts.LEASE, POLICY, is_forced=True).leased_until is None


def test_held_delivery_is_not_due_until_released():
    held = attempts.hold(attempted(fresh(), outcome(500)), START)
    assert (held.is_held, held.due_at, held.next_attempt_at) == (True, None, None)
    released = attempts.release(held, START)
    assert not released.is_held
    assert attempts.may_start(released, START)
    assert parse_time(released.due_at) == START + attempts.REQUEUE

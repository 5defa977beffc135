import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.throttle import Throttle
from tests.support.fakes.clock import FakeClock


def refused(throttle, address):
    with pytest.raises(EdgeError) as raised:
        throttle.take(address)
    assert raised.value.kind is Kind.RATE_LIMITED
    return raised.value.retry_after_seconds


def test_throttle_allows_a_burst_and_then_the_rate():
    clock = FakeClock()
    throttle = Throttle(rate_per_second=2, burst=3, clock=clock)
    for _ in range(3):
        throttle.take("a")
    assert refused(throttle, "a") == 1
    clock.advance(0.5)
    throttle.take("a")
    assert refused(throttle, "a") == 1


def test_throttle_refusal_says_when_the_next_token_is_available():
    clock = FakeClock()
    throttle = Throttle(rate_per_second=0.1, burst=1, clock=clock)
    throttle.take("a")
    assert refused(throttle, "a") == 10
    clock.advance(9)
    assert refused(throttle, "a") == 1
    clock.advance(1)
    throttle.take("a")


def test_throttle_counts_each_address_separately():
    throttle = Throttle(rate_per_second=1, burst=1, clock=FakeClock())
    throttle.take("a")
    throttle.take("b")
    refused(throttle, "a")


def test_idle_address_regains_at_most_the_burst():
    clock = FakeClock()
    throttle = Throttle(rate_per_second=1, burst=2, clock=clock)
    throttle.take("a")
    clock.advance(3600)
    throttle.take("a")
    throttle.take("a")
    refused(throttle, "a")


def test_clock_that_steps_back_adds_no_tokens():
    clock = FakeClock()
    throttle = Throttle(rate_per_second=1, burst=1, clock=clock)
    throttle.take("a")
    clock.advance(-60)
    refused(throttle, "a")


def test_throttle_forgets_the_longest_idle_address_at_its_limit():
    throttle = Throttle(rate_per_second=1, burst=1, clock=FakeClock(), max_addresses=2)
    for address in ("a", "b"):
        throttle.take(address)
    refused(throttle, "a")
    throttle.take("c")
    refused(throttle, "a")
    throttle.take("b")

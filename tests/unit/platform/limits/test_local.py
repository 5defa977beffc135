from chalicelib.platform.limits.local import LocalLimit
from chalicelib.platform.limits.model import Standing
from tests.support.fakes.clock import FakeClock


def local_limit(*, rate_per_second, burst, clock, **more):
    return LocalLimit("address", rate_per_second, burst, clock, **more)


def granted(limit, address):
    assert limit.take(address).wait_seconds == 0


def refused(limit, address):
    """The seconds to wait."""
    wait_seconds = limit.take(address).wait_seconds
    assert wait_seconds > 0
    return wait_seconds


def test_local_limit_allows_a_burst_and_then_the_rate():
    clock = FakeClock()
    limit = local_limit(rate_per_second=2, burst=3, clock=clock)
    for _ in range(3):
        granted(limit, "a")
    assert refused(limit, "a") == 1
    clock.advance(0.5)
    granted(limit, "a")
    assert refused(limit, "a") == 1


def test_local_limit_refusal_says_when_the_next_token_is_available():
    clock = FakeClock()
    limit = local_limit(rate_per_second=0.1, burst=1, clock=clock)
    granted(limit, "a")
    assert refused(limit, "a") == 10
    clock.advance(9)
    assert refused(limit, "a") == 1
    clock.advance(1)
    granted(limit, "a")


def test_local_limit_counts_each_address_separately():
    limit = local_limit(rate_per_second=1, burst=1, clock=FakeClock())
    granted(limit, "a")
    granted(limit, "b")
    refused(limit, "a")


def test_idle_address_regains_at_most_the_burst():
    clock = FakeClock()
    limit = local_limit(rate_per_second=1, burst=2, clock=clock)
    granted(limit, "a")
    clock.advance(3600)
    granted(limit, "a")
    granted(limit, "a")
    refused(limit, "a")


def test_clock_that_steps_back_adds_no_tokens():
    clock = FakeClock()
    limit = local_limit(rate_per_second=1, burst=1, clock=clock)
    granted(limit, "a")
    clock.advance(-60)
    refused(limit, "a")


def test_local_limit_forgets_the_longest_idle_address_at_its_limit():
    limit = local_limit(rate_per_second=1, burst=1, clock=FakeClock(), most_addresses=2)
    for address in ("a", "b"):
        granted(limit, address)
    refused(limit, "a")
    granted(limit, "c")
    refused(limit, "a")
    granted(limit, "b")


def test_standing_of_an_address_says_what_is_left_and_until_when():
    clock = FakeClock()
    limit = local_limit(rate_per_second=0.5, burst=4, clock=clock)

    assert limit.take("a") == Standing(
        policy="address", quota=4, window_seconds=8, remaining=3, reset_seconds=2, wait_seconds=0
    )
    for _ in range(3):
        granted(limit, "a")
    assert limit.take("a") == Standing(
        policy="address", quota=4, window_seconds=8, remaining=0, reset_seconds=8, wait_seconds=2
    )

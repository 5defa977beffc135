"""How a limit is cut into what containers grant by themselves and blocks."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.platform.limits.rules import (
    SKEW_MS,
    WINDOW_MS,
    Look,
    limit_of,
    look_at,
    most_owed_ms,
    network_of,
    standing_of,
)

DEFAULT = 60_000


@pytest.mark.parametrize(
    ("per_minute", "block", "cost_ms", "own_per_second"),
    [
        (1, 1, 60_000, 0),
        (99, 1, 606, 0),
        (100, 5, 3000, 1 / 6),
        (600, 30, 3000, 1),
        (6_000, 100, 1000, 10),
        (DEFAULT, 100, 100, 10),
        (1_200_000, 2000, 100, 10),
    ],
)
def test_limit_is_shared_in_blocks_and_by_what_containers_grant(per_minute, block, cost_ms, own_per_second):
    limit = limit_of(per_minute)

    assert (limit.block, limit.cost_ms) == (block, cost_ms)
    assert (0 if limit.own is None else 1000 / limit.own.milliseconds_each) == pytest.approx(own_per_second)


def test_limit_of_a_second_holds_a_seconds_requests_in_the_blocks_of_a_minutes():
    limit = limit_of(1000, 1000)

    assert (limit.quota, limit.window_ms, limit.whole.burst) == (1000, 1000, 1000)
    assert (limit.block, limit.cost_ms, most_owed_ms(limit)) == (100, 100, 900)
    assert look_at(limit, 1_000_000 + 901, 1_000_000) is Look.EMPTY
    assert look_at(limit, 1_000_000 + 1000 + SKEW_MS + 1, 1_000_000) is Look.AHEAD


@given(per_minute=st.integers(1, 99))
def test_row_of_a_small_limit_holds_exactly_its_requests(per_minute):
    limit = limit_of(per_minute)
    full_at_ms = now_ms = 1_000_000
    granted = 0
    while look_at(limit, full_at_ms, now_ms) in {Look.FULL, Look.ROOM}:
        full_at_ms += limit.cost_ms
        granted += limit.block

    assert granted == per_minute
    assert limit.own is None


@given(per_minute=st.integers(100, 10_000_000))
@example(DEFAULT)
def test_large_limit_asks_its_row_ten_times_a_second_at_most(per_minute):
    limit = limit_of(per_minute)

    assert limit.cost_ms >= 99
    assert limit.block * WINDOW_MS / limit.cost_ms == pytest.approx(per_minute, rel=0.011)
    assert limit.own is not None
    assert limit.own.milliseconds_each >= max(100, 10 * WINDOW_MS / per_minute) - 1e-6
    assert limit.own.burst <= 10


@pytest.mark.parametrize(
    ("owed_ms", "look"),
    [
        (-WINDOW_MS, Look.FULL),
        (0, Look.FULL),
        (1, Look.ROOM),
        (most_owed_ms(limit_of(DEFAULT)), Look.ROOM),
        (most_owed_ms(limit_of(DEFAULT)) + 1, Look.EMPTY),
        (WINDOW_MS + SKEW_MS, Look.EMPTY),
        (WINDOW_MS + SKEW_MS + 1, Look.AHEAD),
    ],
)
def test_row_is_full_has_room_is_empty_or_comes_from_another_time(owed_ms, look):
    assert look_at(limit_of(DEFAULT), 1_000_000 + owed_ms, 1_000_000) is look


@given(taken=st.integers(0, 60))
def test_standing_of_a_row_tells_what_the_next_request_would_find(taken):
    limit, now_ms = limit_of(60), 1_000_000
    full_at_ms = now_ms + taken * limit.cost_ms
    standing = standing_of("create", limit, full_at_ms, now_ms)

    assert (standing.quota, standing.remaining, standing.reset_seconds) == (60, 60 - taken, taken)
    assert (standing.wait_seconds > 0) == (look_at(limit, full_at_ms, now_ms) is Look.EMPTY)


def test_standing_without_a_row_is_the_whole_limit():
    standing = standing_of("create", limit_of(10), 0, 1_000_000)

    assert (standing.remaining, standing.reset_seconds, standing.wait_seconds) == (10, 0, 0)


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("user-1", "user-1"),
        ("", ""),
    ],
)
def test_source_stands_for_its_network(source, network):
    assert network_of(source) == network

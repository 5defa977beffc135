"""What a container grants of a key's limit, and what it asks the table for it."""

import pytest

from chalicelib.platform.limits.rules import limit_of
from chalicelib.platform.limits.shared import ALONE_MS
from chalicelib.platform.limits.store import LIMITS
from tests.unit.platform.limits.containers import KEY, Containers


class TestOrdinaryUse:
    def test_ten_requests_a_second_write_nothing(self):
        containers = Containers()
        for _ in range(30):
            assert containers.granted(10) == 10
            containers.clock.advance(1)

        assert containers.writes == 0

    def test_hundred_requests_above_that_are_one_write(self):
        containers = Containers()

        assert containers.granted(110) == 110
        assert containers.writes == 1
        assert containers.granted(1) == 1
        assert containers.writes == 2

    def test_leased_requests_end_after_a_minute(self):
        containers = Containers()
        containers.granted(11)
        containers.clock.advance(60)
        containers.granted(11)

        assert containers.writes == 2

    def test_limit_of_a_second_is_whole_again_after_a_second(self):
        containers = Containers()
        containers.limit = limit_of(1000, 1000)

        assert 1000 <= containers.granted(2000) <= 1000 + 10
        assert containers.ask().wait_seconds == 1
        assert (containers.ask().quota, containers.ask().window_seconds) == (1000, 1)
        containers.clock.advance(1)
        assert containers.granted(2000) >= 1000

    def test_keys_have_limits_of_their_own(self):
        containers = Containers(per_minute=5)

        assert containers.granted(6) == 5
        assert not containers.ask(subject="key:other").wait_seconds

    def test_limit_that_is_changed_holds_for_what_the_row_says(self):
        containers = Containers(per_minute=10)
        containers.granted(10)
        containers.clock.advance(1)
        containers.limit = Containers(per_minute=60).limit  # the bucket is as empty as before, and filled faster

        assert containers.granted(3) == 1


class TestRefusal:
    def test_exact_limit_grants_its_requests_and_then_one_at_a_time(self):
        containers = Containers(per_minute=6)

        assert containers.granted(7) == 6
        assert containers.ask().wait_seconds == 10
        containers.clock.advance(10)
        assert containers.granted(2) == 1

    def test_exact_limit_writes_once_a_request(self):
        containers = Containers(count=2, per_minute=50)
        for index in (0, 1):
            containers.granted(20, index)

        # The second container first takes the row for full: it has not seen it yet.
        assert containers.writes == 41

    def test_exact_limit_holds_over_all_containers(self):
        containers = Containers(count=5, per_minute=12)

        assert sum(containers.granted(12, index) for index in range(5)) == 12

    def test_refused_container_asks_again_after_the_time_it_told_and_not_before(self):
        containers = Containers(per_minute=6)
        containers.granted(7)
        asked = containers.writes
        containers.granted(100)

        assert containers.writes == asked
        containers.clock.advance(containers.ask().wait_seconds)
        assert containers.granted(1) == 1

    def test_refused_containers_ask_a_large_limit_once_a_second_each(self):
        containers = Containers(count=20)
        for index in range(20):
            containers.granted(4_000, index)
        before = containers.writes
        for _ in range(50):
            containers.clock.advance(0.1)
            for index in range(20):
                containers.granted(50, index)

        # Ten blocks a second are granted, and each container asks in vain once a second at most.
        assert containers.writes - before <= 5 * (10 + 20) + 20

    def test_container_that_is_refused_a_block_grants_its_own_share_still(self):
        containers = Containers(count=2, per_minute=600)
        containers.granted(1000, 0)
        refused = containers.ask(1)
        while not refused.wait_seconds:
            refused = containers.ask(1)

        assert refused.wait_seconds == 1
        containers.clock.advance(1)
        assert containers.granted(2, 1) == 1


class TestStanding:
    def test_standing_of_an_exact_limit_counts_down(self):
        containers = Containers(per_minute=6)
        first, second = containers.ask(), containers.ask()

        assert (first.quota, first.window_seconds, first.remaining, first.reset_seconds) == (6, 60, 5, 10)
        assert (second.remaining, second.reset_seconds) == (4, 20)

    def test_standing_of_a_refused_request_has_nothing_left(self):
        containers = Containers(per_minute=6)
        containers.granted(6)
        refused = containers.ask()

        assert (refused.remaining, refused.reset_seconds, refused.wait_seconds) == (0, 60, 10)

    def test_standing_of_a_large_limit_is_what_the_container_knows(self):
        containers = Containers(count=2)
        containers.granted(1010, 0)

        assert containers.ask(0).remaining == 60_000 - 1001
        assert containers.ask(1).remaining == 60_000  # it has asked for nothing yet


class TestTrouble:
    @pytest.mark.parametrize("kind", ["throttle", "conflict"])
    def test_request_is_let_through_with_a_line_if_the_row_cannot_be_asked(self, kind):
        containers = Containers(per_minute=6)
        containers.driver.fail_next(1000, kind)

        assert containers.granted(5) == 5
        (line,) = containers.lines.records
        assert (line["event"], line["level"], line["actor"]) == ("limit_unavailable", "warn", KEY)

    def test_container_alone_grants_the_limit_and_no_more(self):
        containers = Containers(per_minute=6)
        containers.driver.fail_next(1000, "throttle")

        assert containers.granted(10) == 6
        assert containers.ask().wait_seconds == 10

    def test_row_is_asked_again_some_seconds_after_a_failure(self):
        containers = Containers(per_minute=6)
        containers.driver.fail_next(1000, "throttle")
        containers.ask()
        containers.driver.fail_next(0, "throttle")
        containers.driver.meter.reset()
        containers.ask()
        assert containers.writes == 0
        containers.clock.advance(ALONE_MS / 1000)
        containers.ask()
        assert containers.writes >= 1

    def test_write_whose_answer_is_lost_takes_one_block(self):
        containers = Containers(per_minute=6)
        containers.driver.fail_next(1, "lost_answer")

        assert containers.granted(7) == 6

    def test_row_of_a_clock_far_ahead_locks_nobody_out(self):
        containers = Containers(count=2, per_minute=6, ahead_ms={0: 3_600_000})
        containers.granted(6, 0)

        assert containers.granted(10, 1) == 6
        (line,) = containers.lines.records
        assert (line["event"], line["actor"]) == ("limit_clocks_differ", KEY)

    def test_clock_that_steps_back_locks_nobody_out(self):
        containers = Containers(per_minute=6)
        containers.clock.advance(3600)
        containers.granted(7)
        containers.clock.advance(-3600)

        assert containers.granted(1) == 1

    def test_row_that_was_collected_is_a_full_bucket(self):
        containers = Containers(per_minute=6)
        containers.granted(6)
        containers.clock.advance(7200)
        assert containers.driver.collect_expired() == 1

        assert containers.granted(7) == 6
        (row,) = containers.driver.rows(LIMITS)
        assert row["expires_epoch"] == int(containers.clock.now().timestamp()) + 3600


class TestRaces:
    @pytest.mark.parametrize("per_minute", [5, 99, 600, 6_000])
    def test_containers_at_once_grant_the_limit_and_their_own_shares(self, per_minute):
        containers = Containers(count=20, per_minute=per_minute)
        containers.driver.latency(0.005)
        started = containers.clock.now()
        tasks = [lambda index=index: containers.granted(per_minute, index) for index in range(20)]
        granted = sum(containers.clock.run_together(tasks))
        seconds = (containers.clock.now() - started).total_seconds()

        own = containers.limit.own
        of_containers = 0 if own is None else 20 * (own.burst + seconds * 1000 / own.milliseconds_each)
        assert per_minute <= granted <= per_minute * (1 + seconds / 60) + of_containers

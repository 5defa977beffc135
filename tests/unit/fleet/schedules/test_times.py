"""The times of schedules, changes of clocks among them."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.fleet.schedules import times
from chalicelib.fleet.schedules.model import Timing
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def cron(text, timezone="UTC"):
    return Timing(cron=text, timezone=timezone)


def from_(text, timing, count=3):
    return times.next_times(timing, times.next_after(timing, parse_time(text)), count)


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("*/20 * * * *", ["2026-11-21T10:20:00Z", "2026-11-21T10:40:00Z", "2026-11-21T11:00:00Z"]),
        ("0 4 * * MON", ["2026-11-23T04:00:00Z", "2026-11-30T04:00:00Z", "2026-12-07T04:00:00Z"]),
        ("0 0 29 2 *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z"]),
        ("0 0 L * *", ["2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z"]),
    ],
)
def test_expression_names_its_next_times(expression, following):
    assert from_("2026-11-21T10:00:00Z", cron(expression)) == following


def test_times_are_those_of_the_clocks_of_the_zone():
    summer = from_("2026-07-01T00:00:00Z", cron("30 2 * * *", BERLIN), 1)
    winter = from_("2026-12-01T00:00:00Z", cron("30 2 * * *", BERLIN), 1)
    assert (summer, winter) == (["2026-07-01T00:30:00Z"], ["2026-12-01T01:30:00Z"])


class TestChangesOfClocks:
    def test_skipped_time_runs_at_the_first_minute_that_there_is(self):
        # On 28 March 2027 clocks go from 2:00 to 3:00, which is 1:00 UTC.
        found = from_("2027-03-27T12:00:00Z", cron("30 2 * * *", BERLIN), 2)
        assert found == ["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]

    def test_several_times_of_a_skipped_hour_are_one(self):
        found = from_("2027-03-27T12:00:00Z", cron("0,15,45 2 * * *", BERLIN), 4)
        assert found == [
            "2027-03-28T01:00:00Z",
            "2027-03-29T00:00:00Z",
            "2027-03-29T00:15:00Z",
            "2027-03-29T00:45:00Z",
        ]

    def test_time_that_comes_twice_runs_the_first_time(self):
        # On 31 October 2027 clocks go from 3:00 back to 2:00, which is 1:00 UTC.
        found = from_("2027-10-30T12:00:00Z", cron("30 2 * * *", BERLIN), 2)
        assert found == ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]

    @pytest.mark.parametrize("day", ["2027-03-28", "2027-10-31"])
    def test_hourly_job_follows_the_time_that_passes(self, day):
        found = from_(f"{day}T00:00:00Z", cron("0 * * * *", BERLIN), 4)
        assert found == [f"{day}T0{hour}:00:00Z" for hour in range(1, 5)]


@pytest.mark.parametrize(
    ("timing", "field"),
    [
        (Timing(), "once_at"),
        (Timing(once_at="2026-12-01T00:00:00Z", cron="0 0 * * *"), "once_at"),
        (Timing(once_at="2026-11-21T10:00:00Z"), "once_at"),
        (cron("  "), "cron"),
        (cron("* * * *"), "cron"),
        (cron("0 * * * * *"), "cron"),
        (cron("61 * * * *"), "cron"),
        (cron("@daily"), "cron"),
        (cron("0 0 31 2 *"), "cron"),
        (cron("0 0 * * *", "Europe/Atlantis"), "timezone"),
        (cron("0 0 * * *", "../../etc/passwd"), "timezone"),
        (cron("0 0 * * *", ""), "timezone"),
    ],
)
def test_timing_without_a_time_to_come_is_refused(timing, field):
    with pytest.raises(EdgeError) as refused:
        times.check(timing, NOW)
    assert (refused.value.kind, [*(refused.value.details or {})]) == (Kind.VALIDATION_FAILED, [field])


def test_only_time_comes_once():
    once = Timing(once_at="2026-11-21T11:00:00Z")
    times.check(once, NOW)
    assert from_("2026-11-21T10:00:00Z", once) == ["2026-11-21T11:00:00Z"]
    assert times.due(once, "2026-11-21T11:00:00Z", NOW + timedelta(hours=3)).next_at is None


def test_newest_of_several_times_that_have_come_is_due():
    due = times.due(cron("*/15 * * * *"), "2026-11-21T07:00:00Z", NOW + timedelta(minutes=2))
    assert due == times.Due(
        newest="2026-11-21T10:00:00Z",
        first="2026-11-21T07:00:00Z",
        last_missed="2026-11-21T09:45:00Z",
        missed=12,
        next_at="2026-11-21T10:15:00Z",
    )


def test_time_that_is_due_alone_misses_none():
    due = times.due(cron("0 10 * * *"), to_seconds_text(NOW), NOW)
    assert (due.newest, due.missed, due.last_missed, due.next_at) == (
        "2026-11-21T10:00:00Z",
        0,
        None,
        "2026-11-22T10:00:00Z",
    )

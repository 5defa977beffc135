"""Times of schedules against a walk minute by minute."""

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.fleet.schedules import times
from chalicelib.fleet.schedules.model import Timing
from chalicelib.kit.clock import parse_time, to_seconds_text

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo")

MINUTES = st.one_of(st.just("*"), st.integers(1, 59).map("*/{}".format), st.integers(0, 59).map(str))
HOURS = st.one_of(st.just("*"), st.integers(1, 23).map("*/{}".format), st.integers(0, 23).map(str))
EXPRESSIONS = st.tuples(MINUTES, HOURS).map(lambda fields: f"{fields[0]} {fields[1]} * * *")
# Two days around a change of clocks, in some of the zones.
MOMENTS = st.sampled_from((datetime(2027, 3, 27, 20, tzinfo=UTC), datetime(2027, 10, 30, 20, tzinfo=UTC)))


@settings(max_examples=60)
@given(EXPRESSIONS, st.sampled_from(ZONES), MOMENTS, st.integers(0, 59))
def test_times_increase_and_lose_no_minute_of_a_day_without_changes(expression, zone, start, late):
    timing, after = Timing(cron=expression, timezone=zone), start + timedelta(seconds=late)
    end = to_seconds_text(after + timedelta(days=2))
    found = list(takewhile(lambda text: text <= end, times.following(timing, after)))
    assert found == sorted(set(found))
    minute, hour = (_named(field, size) for field, size in zip(expression.split()[:2], (60, 24), strict=True))
    for text in found:
        local = parse_time(text).astimezone(ZoneInfo(zone))
        if local.minute not in minute or local.hour not in hour:
            before = (parse_time(text) - timedelta(minutes=1)).astimezone(ZoneInfo(zone))
            assert before.utcoffset() != local.utcoffset(), "only a skipped time moves"
    expected = {
        to_seconds_text(moment)
        for step in range(2 * 24 * 60 + 1)
        if (moment := start + timedelta(minutes=step)) > after
        and to_seconds_text(moment) <= end
        and (local := moment.astimezone(ZoneInfo(zone))).minute in minute
        and local.hour in hour
        and local.fold == 0
    }
    assert expected <= set(found)


@settings(max_examples=60)
@given(EXPRESSIONS, st.sampled_from(ZONES), MOMENTS, st.integers(0, 3 * 24 * 3600))
def test_due_splits_the_times_without_losing_one(expression, zone, start, seconds):
    timing = Timing(cron=expression, timezone=zone)
    first = times.next_after(timing, start)
    assert first is not None
    now = parse_time(first) + timedelta(seconds=seconds)
    due = times.due(timing, first, now)
    come = [first, *takewhile(lambda text: text <= to_seconds_text(now), times.following(timing, parse_time(first)))]
    assert (due.newest, due.missed, due.first) == (come[-1], len(come) - 1, first)
    assert due.next_at is not None
    assert due.next_at > to_seconds_text(now)


def _named(field, size):
    if field == "*":
        return set(range(size))
    if field.startswith("*/"):
        return set(range(0, size, int(field[2:])))
    return {int(field)}

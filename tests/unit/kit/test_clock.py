from datetime import UTC, datetime, timedelta, timezone

import pytest

from chalicelib.kit.clock import SystemClock, parse_time, to_microseconds_text, to_seconds_text
from tests.support.fakes.clock import START, FakeClock

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_time_is_written_in_utc_as_seconds_and_as_microseconds():
    assert to_seconds_text(MOMENT) == "2026-01-02T03:04:05Z"
    assert to_microseconds_text(MOMENT) == "2026-01-02T03:04:05.678901Z"
    east = MOMENT.astimezone(timezone(timedelta(hours=9)))
    assert to_seconds_text(east) == "2026-01-02T03:04:05Z"
    assert to_microseconds_text(east) == "2026-01-02T03:04:05.678901Z"


def test_time_text_of_either_precision_is_parsed_as_utc():
    assert parse_time(to_microseconds_text(MOMENT)) == MOMENT
    assert parse_time(to_seconds_text(MOMENT)) == MOMENT.replace(microsecond=0)
    assert parse_time("2026-01-02T12:04:05+09:00") == MOMENT.replace(microsecond=0)
    assert parse_time("2026-01-02T12:04:05+09:00").tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05", "2026-01-02", "now", ""])
def test_time_text_without_offset_is_refused(text):
    with pytest.raises(ValueError, match=r"offset|Invalid"):
        parse_time(text)


def test_system_clock_is_in_utc_and_never_steps_back():
    clock = SystemClock()
    before = clock.now()
    clock.sleep(0)
    assert before.tzinfo is UTC
    assert clock.now() >= before


def test_fake_clock_moves_only_when_told():
    clock = FakeClock()
    assert clock.now() == clock.now() == START
    clock.advance(1.5)
    clock.sleep(0.5)
    assert clock.now() == START + timedelta(seconds=2)
    assert clock.pauses == [0.5]
    clock.set(MOMENT)
    assert clock.now() == MOMENT

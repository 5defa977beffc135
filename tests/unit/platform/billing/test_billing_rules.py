from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.platform.billing.model import Charged, Interval, Period
from chalicelib.platform.billing.rules import bill_of, month_of, parts_of, period_of

NOW = datetime(2026, 12, 31, 10, 30, 15, 999_999, tzinfo=UTC)
DAY = timedelta(days=1)
CHARGED = Charged(type="instance", size="small", unit="hours", units=2, nanos=10_000_000)


def interval(starts_at, ends_at=None, charged=CHARGED):
    return Interval(
        resource_id="r",
        position="1",
        kind="instance",
        owner="u",
        starts_at=starts_at,
        ends_at=ends_at,
        charged=charged,
    )


def day(number):
    return datetime(2026, 12, number, tzinfo=UTC)


def test_period_without_times_is_the_last_thirty_days_in_whole_seconds():
    end = NOW.replace(microsecond=0)
    assert period_of(None, None, NOW) == Period(end - 30 * DAY, end)
    assert period_of(None, day(3), NOW) == Period(day(3) - 30 * DAY, day(3))
    assert period_of(day(3), None, NOW) == Period(day(3), end)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (day(3), day(3), "has to be before the end"),
        (day(4), day(3), "has to be before the end"),
        (day(3) - 401 * DAY, day(3), "is more than 400 days before the end"),
    ],
)
def test_period_that_is_none_or_too_long_is_refused(start, end, message):
    with pytest.raises(EdgeError) as refused:
        period_of(start, end, NOW)
    assert refused.value.details == {"start": [message]}


def test_month_ends_with_the_first_of_the_next():
    assert month_of(NOW) == Period(day(1), datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (interval("2026-12-01T00:00:00Z", "2026-12-30T00:00:00Z"), (day(2), day(4))),
        (interval("2026-12-03T00:00:00Z", "2026-12-03T12:00:00Z"), (day(3), day(3) + DAY / 2)),
        (interval("2026-12-03T00:00:00Z"), (day(3), day(4))),
        (interval("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"), None),
        (interval("2026-12-04T00:00:00Z"), None),
        (interval("2026-12-03T00:00:00Z", charged=None), None),
    ],
)
def test_part_of_an_interval_is_what_lies_in_the_period(one, expected):
    parts = [(part.start, part.end) for part in parts_of([one], Period(day(2), day(4)), NOW)]
    assert parts == ([] if expected is None else [expected])


def test_interval_that_goes_on_costs_until_now():
    (part,) = parts_of([interval("2026-12-31T10:00:00Z")], Period(day(1), day(31) + DAY), NOW)
    assert part.seconds == 30 * 60 + 15


def test_amounts_are_added_exactly_and_rounded_once():
    period = Period(day(1), day(30))
    thirds = [interval("2026-12-01T00:00:00Z", "2026-12-01T00:00:01Z")] * 9
    bill = bill_of(parts_of(thirds, period, NOW), period)
    assert bill.amounts == {"instance": Decimal("0.000050")}
    assert bill.hours == {"instance": Decimal("0.005000")}
    assert bill.total == Decimal("0.00005")

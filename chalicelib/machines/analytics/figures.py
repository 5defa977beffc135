"""The figures of periods, from the sums in rows. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from chalicelib.machines.analytics.contact import Timeline
from chalicelib.machines.analytics.model import Contact, Host, Interval, Span, Usage
from chalicelib.machines.analytics.periods import periods_of

Sums = Mapping[str, int]
"""The figures of a period, by name."""

_HUNDREDTHS = 100


def by_period(
    rows: Iterable[tuple[datetime, Sums]], whole: Span, unit: Interval, interval: Interval | None
) -> list[tuple[Span, Sums]]:
    """The sums of each period of a span, also where nothing happened; of all together without an interval."""
    found = dict(rows)
    if interval is None:
        total: Counter[str] = Counter()
        for sums in found.values():
            total.update(sums)
        return [(whole, total)]
    return [(period, found.get(period.start, {})) for period in periods_of(unit, whole)]


def usages(periods: Sequence[tuple[Span, Sums]], timeline: Timeline) -> list[Usage]:
    """The work of each period."""
    return [
        Usage(
            span=period,
            commands=sums.get("commands", 0),
            failed=sums.get("failed", 0),
            run_seconds=sums.get("run_seconds", 0),
            output_bytes=sums.get("output_bytes", 0),
            contact_seconds=timeline.seconds(Contact.UP, period),
            silent_seconds=timeline.seconds(Contact.DOWN, period),
            host=_host(sums),
        )
        for period, sums in periods
    ]


def _host(sums: Sums) -> Host | None:
    samples = sums.get("host_samples", 0)
    if not samples:
        return None
    means = [_mean(sums, name) for name in ("load", "memory_percent", "disk_percent")]
    return Host(samples, *means)


def _mean(sums: Sums, name: str) -> float | None:
    samples = sums.get(f"{name}_samples", 0)
    return round(sums.get(f"{name}_sum", 0) / samples / _HUNDREDTHS, 2) if samples else None

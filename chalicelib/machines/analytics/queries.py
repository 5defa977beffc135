"""`Queries`: what a tenant asks about its instances."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from chalicelib.kit.clock import Clock, parse_time, to_microseconds_text
from chalicelib.kit.errors import invalid, not_found
from chalicelib.kit.finding import check_found
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.tables import Item, Query, Tables
from chalicelib.machines.analytics import store
from chalicelib.machines.analytics.contact import Timeline
from chalicelib.machines.analytics.figures import Sums, by_period, usages
from chalicelib.machines.analytics.model import (
    Contact,
    Gap,
    Instance,
    Interval,
    Kept,
    NodeSeen,
    Signal,
    Span,
    Summary,
    Topic,
    TopicCount,
    Transition,
    Usage,
)
from chalicelib.machines.analytics.periods import LENGTHS, start_of, widened

MOST_SIGNALS = 20_000
"""Signals that one question may look at; about 6 MB to read."""

BY_HOURS = timedelta(days=2)
"""The longest time whose figures are added up from hours, where no interval is asked for."""

_DAY, _MONTH = timedelta(days=1), timedelta(days=30)
_LATEST = 10
"""Signals of a summary."""


class Queries:
    """Answers about the instances of one tenant. ``find_node`` reads a node, None without one.

    Each method raises `EdgeError` (not found) for an instance that the tenant does not have, (validation failed) for a
    time of which nothing is kept.
    """

    def __init__(
        self, tables: Tables, lists: Lists, clock: Clock, find_node: Callable[[str], NodeSeen | None], kept: Kept
    ) -> None:
        self._tables = tables
        self._lists = lists
        self._clock = clock
        self._find_node = find_node
        self._kept = kept

    def instances(self, request: ListRequest) -> ListPage[Instance]:
        """The tenant's instances, newest first."""
        return self._lists.page(store.ALL_INSTANCES, request).map(store.instance_in)

    def get(self, instance_id: str) -> Instance:
        """An instance, also one that is gone as long as its history is kept."""
        row = self._tables.get(store.INSTANCES, store.key_of(instance_id))
        instance = None if row is None else store.instance_in(row)
        now = int(self._clock.now().timestamp())
        if instance is None or (instance.expires_epoch is not None and instance.expires_epoch <= now):
            raise not_found()
        check_found(instance.id)
        return instance

    def topics(
        self, instance_id: str, span: Span, interval: Interval | None, wanted: Sequence[Topic] = ()
    ) -> list[TopicCount]:
        """Events by type, in each period of the interval or in the whole span, which is widened to whole periods. Types
        without an event are left out."""
        self.get(instance_id)
        return [
            TopicCount(period, topic, count)
            for period, sums in self._sums(instance_id, span, interval)
            for topic, count in sorted(store.counts_in(sums).items(), key=lambda one: (-one[1], one[0]))
            if not wanted or topic in wanted
        ]

    def usage(self, instance_id: str, span: Span, interval: Interval | None) -> list[Usage]:
        """The work in each period of the interval, or in the whole span, which is widened to whole periods."""
        self.get(instance_id)
        periods = self._sums(instance_id, span, interval)
        if not periods:
            return []
        return usages(periods, self._timeline(instance_id, Span(periods[0][0].start, periods[-1][0].end)))

    def gaps(self, instance_id: str, span: Span) -> list[Gap]:
        """The times without contact that the span touches, whole, in order."""
        self.get(instance_id)
        return self._timeline(instance_id, span).gaps(span)

    def signals(self, instance_id: str, span: Span, wanted: Sequence[Topic] = ()) -> list[Signal]:
        """The signals of the span, newest first. Raises `EdgeError` (validation failed) for more than
        `MOST_SIGNALS`."""
        self.get(instance_id)
        found: list[Signal] = []
        for page in self._tables.pages(store.signals_between(instance_id, span)):
            found += store.signals_in(page)
            if len(found) > MOST_SIGNALS:
                since = to_microseconds_text(parse_time(found[MOST_SIGNALS - 1].at))
                raise invalid("from", f"there are more than {MOST_SIGNALS} signals since then: ask from {since} on")
        return [signal for signal in found if not wanted or signal.topic in wanted]

    def summary(self, instance_id: str) -> Summary:
        """An instance at a glance."""
        instance = self.get(instance_id)
        now = self._clock.now()
        day, month = Span(now - _DAY, now), Span(now - _MONTH, now)
        of_day, of_month = self._sums(instance_id, day, None), self._sums(instance_id, month, None)
        whole, sums = of_month[0]
        timeline = self._timeline(instance_id, whole)
        counts = sorted(store.counts_in(sums).items(), key=lambda one: (-one[1], one[0]))
        latest = self._tables.query(store.signals_between(instance_id, month, limit=_LATEST))
        return Summary(
            instance=instance,
            day=usages(of_day, timeline)[0],
            month=usages(of_month, timeline)[0],
            topics=[TopicCount(whole, topic, count) for topic, count in counts],
            gap=next((gap for gap in timeline.gaps(month) if gap.end is None), None),
            signals=store.signals_in(latest),
        )

    def _sums(self, instance_id: str, span: Span, interval: Interval | None) -> list[tuple[Span, Sums]]:
        now = self._clock.now()
        hours_since = now - self._kept.hours
        if interval is Interval.HOUR and span.start < hours_since:
            raise invalid("from", f"hours are kept for {self._kept.hours.days} days: ask for the interval day")
        by_hours = span.end - span.start <= BY_HOURS and span.start >= hours_since
        unit = interval or (Interval.HOUR if by_hours else Interval.DAY)
        # Nothing is kept of what was before, and nothing is known of what comes after the present period.
        start, end = max(span.start, now - self._kept.days), min(span.end, start_of(unit, now) + LENGTHS[unit])
        if start >= end:
            return []
        whole = widened(unit, Span(start, end))
        rows = (store.sums_in(row) for row in self._rows(store.periods_between(instance_id, unit, whole)))
        return by_period(rows, whole, unit, interval)

    def _timeline(self, instance_id: str, span: Span) -> Timeline:
        before = self._tables.query(store.transitions_before(instance_id, span.start))
        after = self._tables.query(store.transitions_after(instance_id, span.end))
        within = [
            one
            for page in self._tables.pages(store.transitions_between(instance_id, span))
            for one in store.transitions_in(page)
        ]
        known = [*store.transitions_in(before), *within, *store.transitions_in(after)]
        return Timeline(known or self._as_seen(instance_id), self._clock.now())

    def _as_seen(self, instance_id: str) -> list[Transition]:
        """The transitions of a node that has had none since analytics came, or as long as they are kept."""
        node = self._find_node(instance_id)
        if node is None:
            return []
        enrolled, seen = parse_time(node.enrolled_at), parse_time(node.last_seen_at)
        came = Transition("1", enrolled, enrolled, Contact.ABSENT, Contact.UP)
        return [came] if node.is_reachable else [came, Transition("2", seen, seen, Contact.UP, Contact.DOWN)]

    def _rows(self, query: Query) -> list[Item]:
        return [row for page in self._tables.pages(query) for row in page.items]

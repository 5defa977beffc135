"""Rows of analytics: keys, indexes and attribute names.

- ``analytics_owners``: the tenant of each instance or node. It is asked before a tenant's rows can be addressed.
- ``analytics_instances``: the instances of a tenant.
- ``analytics_events``: one row for each event, by which a repeat is recognised. Those of signals are sorted by time,
  and a transition of the contact has one more.
- ``analytics_periods``: the figures of hours and days, sums that grow.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from chalicelib.kit.clock import parse_time, to_microseconds_text, to_seconds_text
from chalicelib.kit.listing import LISTED_AT, IndexSource, Listing, Moment, Text, fixed
from chalicelib.kit.tables import (
    Absent,
    Add,
    Between,
    Change,
    Equals,
    Index,
    Item,
    Key,
    Less,
    Not,
    Or,
    Page,
    Put,
    Query,
    Remove,
    Set,
    Table,
    Update,
    Write,
    put_new,
)
from chalicelib.machines.analytics.model import (
    Contact,
    Entry,
    Instance,
    Interval,
    Kept,
    Owner,
    Signal,
    Span,
    Standing,
    Topic,
    Transition,
)
from chalicelib.machines.analytics.periods import LENGTHS, period_key, start_in, start_of

OWNERS = Table("analytics_owners", partition="id", expires_at="expires_epoch")

SHARDS = 4
"""Partitions of a tenant's list: a large fleet may make all its rows within minutes."""

INSTANCES = Table(
    "analytics_instances",
    partition="id",
    indexes=(Index("listing", "shard", "listed_at", ("id",)),),
    expires_at="expires_epoch",
    tenanted=True,
)

EVENTS = Table("analytics_events", partition="instance_id", sort="position", expires_at="expires_epoch", tenanted=True)

PERIODS = Table("analytics_periods", partition="instance_id", sort="period", expires_at="expires_epoch", tenanted=True)

ALL_INSTANCES = Listing(
    INSTANCES,
    fields={"id": Text("id"), "inserted_at": Moment("inserted_at")},
    sources=(IndexSource(index="listing", partitions=fixed(*map(str, range(SHARDS))), insertion=LISTED_AT),),
)

LATE = timedelta(days=2)
"""How much longer rows stand than they are read: DynamoDB removes expired rows within two days."""

_SIGNAL, _EVENT, _CONTACT = "signal#", "event#", "contact#"
_LAST = "~"
"""A text that sorts after every time."""

_NO_FIGURES = frozenset({"expires_epoch", "version"})

_COUNTS = {topic: f"n_{topic.value.replace('.', '_')}" for topic in Topic}


def key_of(instance_id: str) -> Key:
    return {"id": instance_id}


def new_owner(owner: Owner) -> Put:
    """Fails if the owner is known, but not for an instance that was taken for a node."""
    row: Item = {"id": owner.id, "tenant": owner.tenant, "is_instance": owner.is_instance}
    is_unknown = Absent("id")
    return Put(OWNERS, row, Or(is_unknown, Equals("is_instance", value=False)) if owner.is_instance else is_unknown)


def owner_in(row: Item) -> Owner:
    is_ending = row.get("expires_epoch") is not None
    return Owner(str(row["id"]), str(row["tenant"]), row["is_instance"] is True, is_ending=is_ending)


def new_instance(instance: Instance) -> Put:
    """Fails if it is there."""
    shard = str(hashlib.sha256(instance.id.encode()).digest()[0] % SHARDS)
    row: Item = {**instance.model_dump(mode="json"), "shard": shard}
    return put_new(INSTANCES, {**row, "listed_at": f"{instance.inserted_at}#{instance.id}"})


def standing_changes(entry: Entry, gone_until: int | None) -> Iterator[tuple[Update, Standing]]:
    """Note the standings of an instance and of its node; each fails unless it is later than the one that is there.
    ``gone_until`` is when a row expires whose subject is gone, None where the standing does not say that."""
    for name, attribute, standing in (("resource", "state", entry.resource), ("node", "status", entry.node)):
        if standing is not None:
            key = f"{name}_key"
            changes = (
                Set(key, standing.key),
                Set(attribute, standing.state),
                *_standing_facts(standing),
                *_ending(standing, gone_until),
            )
            newer = Or(Absent(key), Less(key, standing.key))
            yield Update(INSTANCES, key_of(entry.instance_id), changes, newer), standing


def _standing_facts(standing: Standing) -> list[Change]:
    facts = (("cluster_name", standing.cluster_name), ("name", standing.name))
    return [Set(name, value) for name, value in facts if value]


def _ending(standing: Standing, gone_until: int | None) -> tuple[Change, ...]:
    if gone_until is None:
        return ()
    if standing.state:
        return (Remove("expires_epoch"), Remove("deleted_at"))
    return (Set("expires_epoch", gone_until), Set("deleted_at", to_seconds_text(parse_time(standing.key[:27]))))


def owner_ends(instance_id: str, expires_epoch: int | None) -> Update:
    """Let the owner's row go with that of the instance, None: it stays; fails where that is noted."""
    is_noted = Absent("expires_epoch") if expires_epoch is None else Equals("expires_epoch", expires_epoch)
    return Update(OWNERS, key_of(instance_id), (Set("expires_epoch", expires_epoch),), Not(is_noted))


def has_standing(row: Item | None, standing: Standing) -> bool:
    """Whether this is the latest standing of an instance, or of its node."""
    return row is not None and standing.key in {row.get("resource_key"), row.get("node_key")}


def rows_of(entry: Entry, kept: Kept) -> list[Put]:
    """The rows of an event. Each fails if the event was recorded before. Transitions are kept as long as days: the time
    in contact of a day follows from them."""
    at = to_microseconds_text(entry.at)
    position = f"{_SIGNAL}{at}#{entry.id}" if entry.text else f"{_EVENT}{entry.id}"
    rows: list[Item] = [
        {
            "position": position,
            "topic": entry.topic.value,
            "at": at,
            "text": entry.text or None,
            "expires_epoch": _expires(entry.at, kept.hours),
        }
    ]
    if (one := entry.transition) is not None:
        rows.append(
            {
                "position": f"{_CONTACT}{one.key}#{entry.id}",
                "at": at,
                "since": to_microseconds_text(one.since),
                "before": one.before.value,
                "after": one.after.value,
                "expires_epoch": _expires(entry.at, kept.days),
            }
        )
    return [Put(EVENTS, {"instance_id": entry.instance_id, **row}, Absent("position")) for row in rows]


def sums_of(entries: Sequence[Entry], interval: Interval, kept: timedelta) -> list[Update]:
    """Add the figures of events of one instance to their hours or days: one write a period."""
    sums: dict[str, dict[str, int]] = {}
    starts: dict[str, datetime] = {}
    for entry in entries:
        key = period_key(interval, entry.at)
        starts[key] = start_of(interval, entry.at)
        period = sums.setdefault(key, {})
        for name, amount in {**entry.figures, _COUNTS[entry.topic]: 1}.items():
            if amount:
                period[name] = period.get(name, 0) + amount
    return [
        Update(
            PERIODS,
            {"instance_id": entries[0].instance_id, "period": key},
            (
                *(Add(name, amount) for name, amount in sorted(period.items())),
                Set("expires_epoch", _expires(starts[key] + LENGTHS[interval], kept)),
            ),
        )
        for key, period in sums.items()
    ]


def _expires(ended: datetime, kept: timedelta) -> int:
    return int((ended + kept + LATE).timestamp())


def writes_of(entries: Sequence[Entry], kept: Kept) -> tuple[list[Write], list[str]]:
    """The transaction that records events of one instance, and beside each of its first writes the event that it
    belongs to."""
    puts = [(put, entry.id) for entry in entries for put in rows_of(entry, kept)]
    sums = [*sums_of(entries, Interval.HOUR, kept.hours), *sums_of(entries, Interval.DAY, kept.days)]
    return [*(put for put, _ in puts), *sums], [entry_id for _, entry_id in puts]


def periods_between(instance_id: str, interval: Interval, span: Span) -> Query:
    """The figures of the periods of a span that is widened."""
    last = span.end - LENGTHS[interval]
    return Query(PERIODS, instance_id, sort=Between(period_key(interval, span.start), period_key(interval, last)))


def signals_between(instance_id: str, span: Span, limit: int | None = None) -> Query:
    """The signals of a span, newest first."""
    return Query(EVENTS, instance_id, sort=_between(_SIGNAL, span), descending=True, limit=limit)


def transitions_before(instance_id: str, moment: datetime) -> Query:
    """The last transition before a moment."""
    until = Between(_CONTACT, f"{_CONTACT}{to_microseconds_text(moment)}")
    return Query(EVENTS, instance_id, sort=until, descending=True, limit=1)


def transitions_between(instance_id: str, span: Span) -> Query:
    return Query(EVENTS, instance_id, sort=_between(_CONTACT, span))


def transitions_after(instance_id: str, moment: datetime) -> Query:
    """The next two transitions: silence that is noticed after a moment may have begun before it."""
    since = Between(f"{_CONTACT}{to_microseconds_text(moment)}", f"{_CONTACT}{_LAST}")
    return Query(EVENTS, instance_id, sort=since, limit=2)


def _between(prefix: str, span: Span) -> Between:
    """From its start to before its end: a position has more behind its time."""
    return Between(f"{prefix}{to_microseconds_text(span.start)}", f"{prefix}{to_microseconds_text(span.end)}")


def instance_in(row: Item) -> Instance:
    return Instance.model_validate({name: row[name] for name in Instance.model_fields if row.get(name) is not None})


def signals_in(page: Page) -> list[Signal]:
    return [Signal(str(row["at"]), Topic(str(row["topic"])), str(row["text"])) for row in page.items]


def transitions_in(page: Page) -> list[Transition]:
    return [
        Transition(
            str(row["position"]),
            parse_time(str(row["at"])),
            parse_time(str(row["since"])),
            Contact(str(row["before"])),
            Contact(str(row["after"])),
        )
        for row in page.items
    ]


def counts_in(sums: Mapping[str, int]) -> dict[Topic, int]:
    """How often each type of event happened, from the figures of periods."""
    return {topic: sums[name] for topic, name in _COUNTS.items() if sums.get(name)}


def sums_in(row: Item) -> tuple[datetime, dict[str, int]]:
    """The beginning of a period, and its figures."""
    figures = {name: value for name, value in row.items() if isinstance(value, int) and name not in _NO_FIGURES}
    return start_in(str(row["period"])), figures

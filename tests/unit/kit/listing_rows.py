"""A table that is listed in every way there is, and rows for it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.ids import compose_uuid7, to_milliseconds
from chalicelib.kit.listing import (
    LISTED_AT,
    Choice,
    Custom,
    Flag,
    IndexSource,
    IsSet,
    KeySource,
    Listing,
    Moment,
    Number,
    Text,
    Uuid,
    all_rows,
    as_given,
    fixed,
    rows_with,
    sharded,
)
from chalicelib.kit.tables import Index, Item, Table, Tables, put_new
from tests.support.fakes.clock import START, FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

SHARDS = 4
READ_LIMIT = 20_000
PROJECTED = ("status", "size", "inserted_at")

RUNS = Table(
    "runs",
    partition="id",
    indexes=(
        Index("all", "shard", "id"),
        Index("listing", "listing", "id"),
        Index("by_status", "status_shard", "id"),
        Index("by_owner", "owner_id", "id", PROJECTED),
        Index("by_team", "team_id", "id"),
        Index("listed", "shard", "listed_at"),
    ),
)
SIGHTINGS = Table("sightings", partition="id")

TEAM_IDS = {"red": "t1", "blue": "t2", "green": "t3"}


def team_partitions(names: tuple[str, ...]) -> list[str]:
    return [TEAM_IDS[name] for name in names if name in TEAM_IDS]


FIELDS = {
    "id": Uuid("id"),
    "name": Text("label"),
    "team_name": Text("team_name"),
    "status": Choice("status"),
    "owner_id": Uuid("owner_id"),
    "is_whole": Flag("is_whole"),
    "size": Number("size"),
    "has_size": IsSet("size"),
    "is_boundless": IsSet("size", negated=True),
    "is_over": Custom(
        ("ends_at",), lambda item, value, now: (str(item.get("ends_at", "~")) < to_seconds_text(now)) == value
    ),
    "seen_at": Moment("seen_at", enriched=True),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}

BY_NAME = KeySource("id", lambda ids: [{"id": one} for one in ids])
BY_OWNER = IndexSource("by_owner", as_given, by="owner_id", totals=rows_with(RUNS, "owner_id"))
BY_TEAM = IndexSource("by_team", team_partitions, by="team_name")
BY_STATUS = IndexSource("by_status", sharded(SHARDS), by="status", totals=rows_with(RUNS, "status"))
ALL = IndexSource("all", fixed(*map(str, range(SHARDS))), totals=all_rows(RUNS))
LISTED = replace(ALL, index="listed", insertion=LISTED_AT)
SINGLE = IndexSource("listing", fixed("runs"), totals=all_rows(RUNS))

SHARDED_LIST = Listing(RUNS, FIELDS, (BY_NAME, BY_OWNER, BY_TEAM, BY_STATUS, ALL))
LISTED_AT_LIST = Listing(RUNS, FIELDS, (LISTED,))
SINGLE_LIST = Listing(RUNS, FIELDS, (SINGLE,))


def make_row(number: int, moment: datetime, **attributes: object) -> Item:
    """A row inserted at ``moment``; numbers keep rows of the same millisecond apart."""
    row_id = compose_uuid7(to_milliseconds(moment), number * 2654435761)
    inserted_at = to_seconds_text(moment)
    row = {
        "id": row_id,
        "inserted_at": inserted_at,
        "listed_at": f"{inserted_at}#{row_id}",
        "shard": str(number % SHARDS),
        "listing": "runs",
        **attributes,
    }
    if status := attributes.get("status"):
        row["status_shard"] = f"{status}#{number % SHARDS}"
    if team := attributes.get("team_name"):
        row["team_id"] = TEAM_IDS[str(team)]
    return {name: value for name, value in row.items() if value is not None}


def make_rows(count: int, **attributes: object) -> list[Item]:
    """Rows inserted one second after the other, oldest first."""
    return [make_row(number, START + timedelta(seconds=number), **attributes) for number in range(count)]


def stored(rows: Sequence[Item]) -> tuple[FakeDynamo, Tables]:
    """A fake that holds them."""
    clock = FakeClock()
    fake = FakeDynamo([RUNS, SIGHTINGS], clock)
    tables = Tables(fake, clock, FakeIds(seed=1))
    for row in rows:
        fake.write(put_new(RUNS, row))
    fake.meter.reset()
    return fake, tables

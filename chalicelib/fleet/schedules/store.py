"""Rows of schedules and their runs: tables, keys, indexes and attribute names.

A schedule's name stands beside the runs in a row of its own, whose key it is: so it is unique, and can change.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from chalicelib.fleet.reach import Reach
from chalicelib.fleet.schedules.model import Run, Schedule, is_within
from chalicelib.kit.clock import parse_time
from chalicelib.kit.ids import compose_uuid7, to_milliseconds
from chalicelib.kit.listing import Choice, Custom, FilterValue, IndexSource, Listing, Moment, Text, fixed
from chalicelib.kit.tables import Delete, Equals, Exists, Index, Item, Key, Put, Set, Table, Thing, Update, put_new

LISTING = "schedules"
"""The one partition of the index `listing`: operators make schedules one by one, so it is never hot."""

DUE = "schedules"
"""The one partition of the index `due`: schedules with a time to come, each written once a time."""

RUNS_KEPT = timedelta(days=90)

SCHEDULES = Table(
    "schedules",
    partition="id",
    indexes=(
        Index("listing", "listing", "id", ("name", "state", "within", "next_at", "inserted_at", "updated_at")),
        Index("due", "due", "due_at"),
    ),
    stream=True,
    # The acts of operators. Sweeps and runs need no message.
    relayed=frozenset({"schedule.created", "schedule.updated", "schedule.paused", "schedule.resumed"}),
    unparked=frozenset({"command"}),
    thing=Thing("schedule", name="name"),
)

RUNS = Table("schedule_runs", partition="schedule_id", sort="id", expires_at="expires_epoch")

FIELDS = {
    "name": Text("name"),
    "state": Choice("state"),
    "next_at": Moment("next_at"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}

SORTABLE = ("name", "next_at", "inserted_at", "updated_at")

_ALL = IndexSource(index="listing", partitions=fixed(LISTING))

SCHEDULE_LIST = Listing(SCHEDULES, FIELDS, (_ALL,))


def _is_within(item: Item, value: FilterValue, _now: datetime) -> bool:
    within = item.get("within")
    return isinstance(within, list) and is_within(tuple(map(str, within)), Reach(frozenset(str(value).split(","))))


REACHED_LIST = Listing(SCHEDULES, {**FIELDS, "within": Custom(("within",), _is_within)}, (_ALL,))
"""For callers with a restricted reach: ``within`` are the ids of its clusters."""


def run_id(schedule_id: str, planned_at: str) -> str:
    """The id of a time of a schedule, by which it has one run: a UUIDv7 of that time, with a hash of both."""
    digest = hashlib.sha256(f"{schedule_id}/{planned_at}".encode()).digest()
    return compose_uuid7(to_milliseconds(parse_time(planned_at)), int.from_bytes(digest[:10]))


def runs_of(schedule_id: str) -> Listing:
    """The list of the runs of a schedule."""
    source = IndexSource(index=None, partitions=fixed(schedule_id))
    fields = {
        "result": Choice("result"),
        "inserted_at": Moment("inserted_at"),
        "updated_at": Moment("inserted_at"),
    }
    return Listing(RUNS, fields, (source,))


def schedule_key(schedule_id: str) -> Key:
    return {"id": schedule_id}


def schedule_to_item(schedule: Schedule) -> Item:
    """The whole row; what is None is left out of it, in ``command`` as well."""
    item: dict[str, Any] = schedule.model_dump(mode="json", exclude={"version", "command", "within"})
    item["command"] = schedule.command.model_dump(mode="json", exclude_none=True)
    item["timing"] = schedule.timing.model_dump(mode="json", exclude_none=True)
    item["within"] = None if schedule.within is None else [*schedule.within]
    item["listing"] = LISTING
    item["due"] = None if schedule.due_at is None else DUE
    return item


def schedule_from_item(item: Item) -> Schedule:
    return Schedule.model_validate(item)


def run_from_item(item: Item) -> Run:
    return Run.model_validate(item)


def put_run(run: Run, now: datetime) -> Put:
    """Store what became of a time; fails if that is known."""
    item: dict[str, Any] = run.model_dump(mode="json")
    return put_new(RUNS, {**item, "expires_epoch": int((now + RUNS_KEPT).timestamp())})


def put_schedule(schedule: Schedule) -> Put:
    return put_new(SCHEDULES, schedule_to_item(schedule))


def replace_schedule(known: Schedule, changed: Schedule) -> Update:
    """Write a schedule over one that has not changed since it was read."""
    old, new = schedule_to_item(known), schedule_to_item(changed)
    changes = tuple(Set(name, value) for name, value in new.items() if value != old[name])
    return Update(SCHEDULES, schedule_key(known.id), changes, Equals("version", known.version))


def look_again(known: Schedule, due_at: str) -> Update:
    """Have a sweep look at a schedule later, if it has not changed since it was read."""
    changes = (Set("due_at", due_at), Set("sweeps", known.sweeps + 1))
    return Update(SCHEDULES, schedule_key(known.id), changes, Equals("version", known.version))


def delete_schedule(known: Schedule) -> Delete:
    return Delete(SCHEDULES, schedule_key(known.id), Exists("id"), row={"name": known.name})


def claim_name(name: str, schedule_id: str) -> Put:
    """Take a name; fails if it is taken."""
    return put_new(RUNS, {**_name_key(name), "taken_by": schedule_id})


def free_name(name: str, schedule_id: str) -> Delete:
    return Delete(RUNS, _name_key(name), Equals("taken_by", schedule_id))


def _name_key(name: str) -> Key:
    return {"schedule_id": f"name#{name}", "id": "name"}

"""Any history of writes leaves the fake and the emulator in the same state, and both tell the writer the same."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.kit.tables import (
    Absent,
    Add,
    Attribute,
    Between,
    Check,
    ConditionFailedError,
    Delete,
    Driver,
    Equals,
    Exists,
    Index,
    Item,
    Less,
    Meter,
    Put,
    Query,
    RefusedError,
    Remove,
    Set,
    SetIfAbsent,
    Table,
    TransactionFailedError,
    Update,
    Write,
)
from chalicelib.kit.tables.dynamodb import DynamoDriver
from tests.support.emulator import Emulator, create_tables
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.dynamo import FakeDynamo

BY_GROUP = Index("by_group", "group", "rank", ("note",))
ROWS = Table("rows", "id", "part", indexes=(BY_GROUP,), numbers=frozenset({"part", "rank"}))

keys = st.fixed_dictionaries({"id": st.sampled_from("ab"), "part": st.integers(0, 1)})
ranks = st.integers(-1, 1) | st.just("no number")
attributes = st.fixed_dictionaries(
    {}, optional={"group": st.sampled_from(["g", "h", ""]), "rank": ranks, "note": st.text("xy", max_size=2)}
)
conditions = st.sampled_from(
    [
        None,
        None,
        Absent("id"),
        Exists("id"),
        Equals("rank", 0),
        Less("rank", Attribute("part")),
        Equals("note", Attribute("group")),
    ]
)
changes = st.lists(
    st.one_of(
        st.builds(Set, st.just("group"), st.sampled_from(["g", "h", None])),
        st.builds(Add, st.just("rank"), st.integers(-1, 1)),
        st.builds(SetIfAbsent, st.just("note"), st.just("x")),
        st.builds(Remove, st.just("note")),
        st.builds(Remove, st.just("rank")),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda change: change.name,
).map(tuple)
puts = st.builds(lambda key, rest, condition: Put(ROWS, {**key, **rest}, condition), keys, attributes, conditions)
updates = st.builds(Update, st.just(ROWS), keys, changes, conditions)
deletes = st.builds(Delete, st.just(ROWS), keys, conditions)
checks = st.builds(Check, st.just(ROWS), keys, conditions.filter(bool))
steps = st.lists(
    puts | updates | deletes | st.lists(puts | updates | deletes | checks, min_size=1, max_size=3), max_size=8
)
Outcome = Item | str | tuple[str, object] | None


@pytest.fixture(scope="module")
def running_dynamo(running: Emulator) -> Iterator[tuple[Emulator, DynamoDriver]]:
    yield running, DynamoDriver(running.client("dynamodb"), "", Meter())
    running.reset()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps)
def test_fake_dynamo_matches_the_emulator_for_any_history(running_dynamo, history):
    emulator, dynamo = running_dynamo
    emulator.reset()
    create_tables(emulator.client("dynamodb"), [ROWS])
    fake = FakeDynamo([ROWS], FakeClock())
    for place, step in enumerate(history):
        assert outcome_of(fake, step, place) == outcome_of(dynamo, step, place)
    for query in (Query(ROWS, "a"), Query(ROWS, "b", descending=True, sort=Between(0, 1))):
        assert fake.query(query) == dynamo.query(query)
    for group in "gh":
        query = Query(ROWS, group, index=BY_GROUP)
        assert by_rank(fake.query(query).items) == by_rank(dynamo.query(query).items)


def by_rank(items: list[Item]) -> list[Item]:
    """The order within one rank is open."""
    assert [item["rank"] for item in items] == sorted(item["rank"] for item in items)
    return sorted(items, key=lambda item: (item["id"], item["part"]))


def outcome_of(driver: Driver, step: Put | Update | Delete | Sequence[Write], place: int) -> Outcome:
    try:
        if isinstance(step, list):
            driver.transact(step, f"token-{place}")
            return None
        return driver.write(step)
    except ConditionFailedError as error:
        return ("condition", error.current)
    except TransactionFailedError as error:
        return ("conditions", error.failed)
    except RefusedError:
        return "refused"

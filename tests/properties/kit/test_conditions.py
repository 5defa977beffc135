"""`evaluate`, on which the fake stands, means what a DynamoDB means."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib.kit.tables import (
    Absent,
    And,
    Attribute,
    Check,
    Condition,
    Delete,
    Equals,
    Exists,
    In,
    Item,
    Less,
    LessOrEqual,
    Meter,
    Not,
    Or,
    Put,
    Table,
    TransactionFailedError,
)
from chalicelib.kit.tables.conditions import evaluate
from chalicelib.kit.tables.dynamodb import DynamoDriver
from tests.support.emulator import Emulator, create_tables

ROWS = Table("rows", "id")
KEY = {"id": "one"}
TOP_NAMES = ("a", "b", "c")
NAMES = (*TOP_NAMES, "m.x", "m.y", "a.x")

numbers = st.integers(-3, 3) | st.integers(-(10**15), 10**15)
texts = st.sampled_from(["", "a", "ab", "b", "1", "ä", "\ufffd", "\U0001f600"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=3
)
blobs = st.sampled_from([b"", b"a", b"\xff"])
sets = st.frozensets(st.sampled_from(["a", "b"]), min_size=1)
scalars = numbers | texts | blobs | st.booleans()
lists = st.lists(st.integers(0, 1) | st.booleans() | texts, max_size=2)
maps = st.dictionaries(st.sampled_from(["x", "y"]), scalars, max_size=2)
values = scalars | lists | maps | sets
ordered = numbers | texts | blobs

names = st.sampled_from(NAMES)
attributes = st.builds(Attribute, names)
simple_conditions = (
    st.builds(Absent, names)
    | st.builds(Exists, names)
    | st.builds(Equals, names, values | attributes | st.none())
    | st.builds(Less, names, ordered | attributes)
    | st.builds(LessOrEqual, names, ordered | attributes)
    | st.builds(In, names, st.lists(values, min_size=1, max_size=3))
)
conditions = st.recursive(
    simple_conditions,
    lambda parts: (
        st.builds(Not, parts)
        | st.lists(parts, min_size=1, max_size=3).flatmap(lambda some: st.sampled_from([And(*some), Or(*some)]))
    ),
    max_leaves=5,
)
rows = st.none() | st.fixed_dictionaries({}, optional={**dict.fromkeys(TOP_NAMES, values), "m": maps})


@pytest.fixture(scope="module")
def dynamo(running: Emulator) -> Iterator[DynamoDriver]:
    running.reset()
    client = running.client("dynamodb")
    create_tables(client, [ROWS])
    yield DynamoDriver(client, "", Meter())
    running.reset()


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=rows, condition=conditions)
@example(row=None, condition=Not(Equals("a", 1)))
@example(row={"a": [1]}, condition=Equals("a", [True]))
@example(row={"a": True, "b": False}, condition=Less("b", Attribute("a")))
@example(row={}, condition=LessOrEqual("a", Attribute("b")))
@example(row={}, condition=Equals("a", Attribute("b")))
@example(row={"m": {"x": 1}, "a": 1}, condition=Equals("a", Attribute("m.x")))
def test_evaluate_agrees_with_the_emulator(dynamo: DynamoDriver, row: Item | None, condition: Condition):
    if row is None:
        dynamo.write(Delete(ROWS, KEY))
        stored = None
    else:
        stored = dynamo.write(Put(ROWS, {**KEY, **row}))
    assert evaluate(condition, stored) == holds(dynamo, condition)


def holds(dynamo: DynamoDriver, condition: Condition) -> bool:
    holds.tokens += 1
    try:
        dynamo.transact([Check(ROWS, KEY, condition)], f"token-{holds.tokens}")
    except TransactionFailedError:
        return False
    return True


holds.tokens = 0

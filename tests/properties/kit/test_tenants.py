"""Tenants that share a table see what each would see alone: every answer and every row, whatever all of them do.

The model is a database for each tenant, with the same table without tenants.
"""

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.kit.tables import (
    And,
    Attribute,
    BeginsWith,
    Between,
    Check,
    ConditionFailedError,
    Delete,
    Equals,
    Exactly,
    Exists,
    In,
    Index,
    Less,
    Not,
    Or,
    Put,
    Query,
    Ref,
    Remove,
    Set,
    SetIfAbsent,
    Table,
    Tables,
    TransactionFailedError,
    Update,
)
from chalicelib.kit.tables.tenants import SEPARATOR, whole
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

SHARED = Table(
    "shared",
    "id",
    "part",
    indexes=(Index("by_owner", "owner", "id", ("colour",)), Index("by_colour", "colour", "part")),
    tenanted=True,
)
ALONE = whole(SHARED)
TENANTS = ("a", "b")

texts = st.sampled_from(["a", "b", "b|a"])
ranges = (
    st.none()
    | st.builds(Exactly, texts)
    | st.builds(BeginsWith, texts)
    | st.tuples(texts, texts).map(lambda ends: Between(min(ends), max(ends)))
)
names = st.sampled_from(["id", "owner", "colour"])
operands = texts | st.builds(Attribute, names)
simple = (
    st.builds(Exists, names)
    | st.builds(Equals, names, operands)
    | st.builds(Less, names, operands)
    | st.builds(In, names, st.lists(texts, min_size=1, max_size=2))
)
conditions = (
    st.none() | simple | st.builds(Not, simple) | st.builds(And, simple, simple) | st.builds(Or, simple, simple)
)
keys = st.fixed_dictionaries({"id": texts, "part": st.just("p")})
items = st.fixed_dictionaries({"id": texts, "part": st.just("p"), "owner": texts}, optional={"colour": texts})
other_names = st.sampled_from(["owner", "colour"])
changes = st.lists(
    st.builds(Set, other_names, texts | st.none()) | st.builds(Remove, other_names), max_size=1
) | st.builds(SetIfAbsent, other_names, texts).map(lambda change: [change])
puts = st.builds(Put, st.just(SHARED), items, st.none() | conditions)
updates = st.builds(Update, st.just(SHARED), keys, changes.map(tuple), conditions)
deletes = st.builds(Delete, st.just(SHARED), keys, conditions)
checks = st.builds(Check, st.just(SHARED), keys, simple)
of_table = st.builds(Query, st.just(SHARED), texts, st.none(), ranges, st.booleans(), st.none() | st.just(1))
of_index = st.builds(
    Query, st.just(SHARED), texts, st.sampled_from(SHARED.indexes), ranges, st.booleans(), st.none() | st.just(1)
)
queries = of_table | of_index | st.builds(Query, st.just(SHARED), texts, st.just(SHARED.indexes[0]), ranges)


@dataclass(frozen=True)
class Get:
    key: dict

    def of(self, tables, table):
        return tables.get(table, self.key)


@dataclass(frozen=True)
class GetMany:
    keys: list

    def of(self, tables, table):
        return tables.get_many([Ref(table, key) for key in self.keys])


@dataclass(frozen=True)
class Pages:
    query: Query

    def of(self, tables, table):
        return [(page.items, page.count, page.last_key) for page in tables.pages(replace(self.query, table=table))]


@dataclass(frozen=True)
class Write:
    write: object

    def of(self, tables, table):
        return tables.write(replace(self.write, table=table), "row.written")


@dataclass(frozen=True)
class Commit:
    writes: list

    def of(self, tables, table):
        return tables.commit([replace(write, table=table) for write in self.writes], "row.written")


def on_distinct_rows(writes):
    """A transaction names each row once."""
    return len({write.key["id"] for write in writes}) == len(writes)


committed = st.lists(puts | updates | deletes | checks, min_size=1, max_size=2).filter(on_distinct_rows)
steps = (
    st.builds(Get, keys)
    | st.builds(GetMany, st.lists(keys, max_size=4))
    | st.builds(Pages, queries)
    | st.builds(Write, puts)
    | st.builds(Write, puts | updates | deletes)
    | st.builds(Commit, committed)
)
histories = st.lists(st.tuples(st.sampled_from(TENANTS), steps), min_size=15, max_size=40)


def plain(value):
    """A value without the stamps of writes, which differ."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items() if name != "changed_by"}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def outcome(step, tables, table):
    try:
        return plain(step.of(tables, table))
    except ConditionFailedError as error:
        return "refused", plain(error.current)
    except TransactionFailedError as error:
        return "refused", plain(error.failed)


def sorted_rows(rows):
    return sorted(rows, key=str)


def without_tenant(row):
    kept = {name: value.split(SEPARATOR, 1)[1] for name, value in row.items() if name in SHARED.tenant_keys}
    return plain({**row, **kept})


@settings(max_examples=150)
@given(histories)
def test_tenants_on_one_table_neither_read_nor_change_each_others_rows(history):
    clock, ids = FakeClock(), FakeIds()
    shared = FakeDynamo([SHARED], clock)
    alone = {tenant: FakeDynamo([ALONE], clock) for tenant in TENANTS}
    views = {tenant: Tables(shared, clock, ids).scoped(tenant) for tenant in TENANTS}
    models = {tenant: Tables(alone[tenant], clock, ids) for tenant in TENANTS}
    for tenant, step in history:
        assert outcome(step, views[tenant], SHARED) == outcome(step, models[tenant], ALONE)
    for tenant in TENANTS:
        stored = [row for row in shared.rows(ALONE) if row["changed_by"]["tenant"] == tenant]
        assert all(row[name].startswith(f"{tenant}|") for row in stored for name in SHARED.tenant_keys & row.keys())
        assert sorted_rows(map(without_tenant, stored)) == sorted_rows(plain(alone[tenant].rows(ALONE)))

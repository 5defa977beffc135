"""Tables of one tenant, on both drivers: what a view addresses, what it shows, and what is stored."""

from dataclasses import replace

import pytest

from chalicelib.kit.tables import (
    And,
    Attachment,
    AttachmentRefusedError,
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
    LessOrEqual,
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
    attaching,
    put_new,
)
from chalicelib.kit.tables.tenants import Tenant, owner_of, whole
from tests.unit.kit.sample_tables import PARTS, THINGS, WORDS

KEY = {"id": "one"}
LISTED, BY_OWNER, _ = PARTS.indexes


@pytest.fixture
def views(tables: Tables) -> tuple[Tables, Tables]:
    """Those of two tenants, of which one's id begins with the other's."""
    return tables.scoped("a"), tables.scoped("ab")


def part(part_id: str = "one", **more: object):
    return {"id": part_id, "list": "all", "owner": "ann", "size": 1, **more}


def stripped(item):
    return {name: value for name, value in item.items() if name not in {"version", "changed_by"}}


def test_row_is_stored_with_its_tenant_and_shown_without(tables, views):
    one, _ = views
    assert stripped(one.write(put_new(PARTS, part()), "part.created")) == part()
    assert stripped(one.get(PARTS, KEY)) == part()
    stored = tables.get(whole(PARTS), {"id": "a|one"})
    assert stripped(stored) == part("a|one", list="a|all", owner="a|ann")
    assert stored["changed_by"]["tenant"] == "a"


def test_same_key_of_two_tenants_is_two_rows(views):
    for number, view in enumerate(views):
        view.write(put_new(PARTS, part(size=number)), "part.created")
    one, other = views
    other.write(Delete(PARTS, KEY), "part.deleted")
    assert (one.get(PARTS, KEY)["size"], other.get(PARTS, KEY)) == (0, None)


def test_key_that_looks_like_another_tenants_is_a_value_of_ones_own(views):
    one, other = views
    other.write(put_new(PARTS, part()), "part.created")
    assert one.get(PARTS, {"id": "ab|one"}) is None
    one.write(put_new(PARTS, part("b|one")), "part.created")
    assert one.get(PARTS, {"id": "b|one"})["id"] == "b|one"
    assert stripped(other.get(PARTS, KEY)) == part()


def test_many_rows_are_read_by_the_tenants_keys_in_the_order_asked_for(views):
    one, other = views
    other.write(put_new(PARTS, part("two")), "part.created")
    for name in ("one", "two"):
        one.write(put_new(PARTS, part(name)), "part.created")
    asked = [Ref(PARTS, {"id": name}) for name in ("two", "three", "one", "two")]
    assert [row and row["id"] for row in one.get_many(asked)] == ["two", None, "one", "two"]


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        (None, ["1", "2", "3"]),
        (Exactly("2"), ["2"]),
        (Between("2", "9"), ["2", "3"]),
        (Between("9", "2"), []),
        (BeginsWith("3"), ["3"]),
    ],
    ids=str,
)
def test_index_sorted_by_a_stored_key_is_queried_within_the_tenant(views, sort, found):
    for view in views:
        for name in "123":
            view.write(put_new(PARTS, part(name)), "part.created")
    for view in views:
        query = Query(PARTS, "all", LISTED, sort)
        assert [row["id"] for row in view.query(query).items] == found
        assert [[row["id"] for row in page.items] for page in view.query_many([query, query])] == [found, found]
        counted = view.query(Query(PARTS, "all", LISTED, sort, count_only=True))
        assert counted.count == len(found)


def test_pages_of_an_index_follow_each_other(views):
    one, other = views
    other.write(put_new(PARTS, part("0")), "part.created")
    for name in "123":
        one.write(put_new(PARTS, part(name)), "part.created")
    pages = list(one.pages(Query(PARTS, "all", LISTED, limit=1)))
    assert [row["id"] for page in pages for row in page.items] == ["1", "2", "3"]
    assert pages[0].last_key == {"id": "1", "list": "all"}


def test_other_sort_keys_are_as_given(views):
    one, _ = views
    for size in (1, 2, 3):
        one.write(put_new(PARTS, part(str(size), size=size)), "part.created")
    page = one.query(Query(PARTS, "ann", BY_OWNER, Between(2, 3), descending=True))
    assert [row["size"] for row in page.items] == [3, 2]


@pytest.mark.parametrize(
    "condition",
    [
        Equals("owner", "ann"),
        Equals("owner", Attribute("id")),
        Less("owner", "b"),
        LessOrEqual("owner", "ann"),
        In("owner", ["bob", "ann"]),
        And(Exists("owner"), Not(Equals("owner", "bob"))),
        Or(Equals("owner", "bob"), Equals("size", 1)),
    ],
    ids=str,
)
def test_conditions_compare_stored_keys_as_the_tenant_sees_them(views, condition):
    one, _ = views
    one.write(put_new(PARTS, part("ann")), "part.created")
    one.write(Update(PARTS, {"id": "ann"}, (Set("size", 2),), condition), "part.changed")
    assert one.get(PARTS, {"id": "ann"})["size"] == 2


def test_comparison_of_a_stored_key_with_another_attribute_is_refused(views):
    one, _ = views
    with pytest.raises(ValueError, match="owner and colour"):
        one.write(Update(PARTS, KEY, (Remove("size"),), Equals("owner", Attribute("colour"))), "part.changed")


def test_changes_of_an_indexed_attribute_stay_in_the_tenants_index(views):
    for view in views:
        view.write(put_new(PARTS, part()), "part.created")
    one, other = views
    changed = one.write(Update(PARTS, KEY, (Set("owner", "bob"), SetIfAbsent("list", "none"))), "part.changed")
    assert (changed["owner"], changed["list"]) == ("bob", "all")
    assert one.query(Query(PARTS, "bob", BY_OWNER)).count == 1
    assert other.query(Query(PARTS, "bob", BY_OWNER)).count == 0
    one.write(Update(PARTS, KEY, (Remove("owner"),)), "part.changed")
    one.write(Update(PARTS, KEY, (SetIfAbsent("owner", "eve"), Set("list", None))), "part.changed")
    assert one.query(Query(PARTS, "eve", BY_OWNER)).count == 1
    assert one.query(Query(PARTS, "all", LISTED)).count == 0


def test_refused_write_shows_the_current_row_without_the_tenant(views):
    one, _ = views
    one.write(put_new(PARTS, part()), "part.created")
    with pytest.raises(ConditionFailedError) as failed:
        one.write(put_new(PARTS, part()), "part.created")
    assert stripped(failed.value.current) == part()
    with pytest.raises(TransactionFailedError) as refused:
        one.commit([put_new(PARTS, part("two")), put_new(PARTS, part())], "part.created")
    assert {index: stripped(row) for index, row in refused.value.failed.items()} == {1: part()}


def test_transaction_changes_the_tenants_rows_alone(views):
    for view in views:
        view.commit([put_new(PARTS, part("old")), put_new(PARTS, part("seen"))], "part.created")
    one, other = views
    one.commit(
        [
            Put(PARTS, part("new")),
            Update(PARTS, {"id": "one"}, (Set("size", 5),)),
            Delete(PARTS, {"id": "old"}),
            Check(PARTS, {"id": "seen"}, Equals("owner", "ann")),
        ],
        "part.changed",
    )
    asked = [Ref(PARTS, {"id": name}) for name in ("new", "one", "old", "seen")]
    assert [row is not None for row in one.get_many(asked)] == [True, True, False, True]
    assert [row is not None for row in other.get_many(asked)] == [False, False, True, True]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda tables, table: tables.get(table, KEY),
        lambda tables, table: tables.get_many([Ref(table, KEY)]),
        lambda tables, table: tables.query(Query(table, "one")),
        lambda tables, table: tables.query(Query(table, "one", sort=Between("9", "2"))),
        lambda tables, table: tables.query_many([Query(table, "one")]),
        lambda tables, table: list(tables.pages(Query(table, "one"))),
        lambda tables, table: tables.write(Put(table, part()), "part.created"),
        lambda tables, table: tables.try_write(Delete(table, KEY), "part.deleted"),
        lambda tables, table: tables.commit([Update(table, KEY, (Set("size", 1),))], "part.changed"),
        lambda tables, table: tables.commit([Check(table, KEY, Exists("id"))], "part.changed"),
    ],
)
def test_table_of_tenants_is_refused_unscoped_and_any_other_to_a_tenant(tables, driver, attempt):
    driver.meter.reset()
    with pytest.raises(ValueError, match=r"parts has tenants: use Tables\.scoped"):
        attempt(tables, PARTS)
    with pytest.raises(ValueError, match="things has no tenants"):
        attempt(tables.scoped("a"), THINGS)
    assert driver.meter.count == 0


def a_record(_result):
    return put_new(WORDS, {"book": "records", "word": "one"})


def test_record_attached_to_a_tenants_effect_is_written_beside_it(tables, views):
    one, other = views
    with attaching(Attachment(a_record)):
        one.commit([put_new(PARTS, part())], "part.created", result=None)
    record = tables.get(WORDS, {"book": "records", "word": "one"})
    assert "tenant" not in record["changed_by"]
    with attaching(Attachment(a_record)), pytest.raises(AttachmentRefusedError):
        other.commit([put_new(PARTS, part())], "part.created", result=None)
    assert other.get(PARTS, KEY) is None


@pytest.mark.parametrize("tenant", ["", "|", "a|b", "a|"])
def test_tenant_without_an_id_or_with_the_separator_in_it_is_refused(fake_tables, tenant):
    with pytest.raises(ValueError, match="no id of a tenant"):
        fake_tables.scoped(tenant)


def test_row_of_another_tenant_is_never_shown(fake_tables):
    with pytest.raises(ValueError, match="another tenant"):
        Tenant("a").row(PARTS, {"id": "ab|one"})


def test_number_as_a_partition_key_is_refused_in_a_table_of_tenants():
    with pytest.raises(ValueError, match="year cannot be a number"):
        Table("films", "id", indexes=(Index("by_year", "year"),), numbers=frozenset({"year"}), tenanted=True)


def test_shared_index_is_refused_to_a_tenant_and_shows_all_of_the_whole_table(fake_tables):
    for tenant in ("a", "b"):
        fake_tables.scoped(tenant).commit([put_new(PARTS, {**part(), "due_shard": "0"})], "part.created")
    query = Query(PARTS, "0", PARTS.index("due"))
    with pytest.raises(ValueError, match="over the rows of all tenants"):
        fake_tables.scoped("a").query(query)
    rows = fake_tables.query(replace(query, table=whole(PARTS))).items
    assert sorted(owner_of(str(row["id"]))[0].id for row in rows) == ["a", "b"]


def test_partition_of_a_shared_index_is_refused_as_a_tenants_key():
    indexes = (Index("own", "kind"), Index("all", "kind", shared=True))
    with pytest.raises(ValueError, match="kind cannot be a key"):
        Table("films", "id", indexes=indexes, tenanted=True)


def test_stored_key_tells_tenant_and_value():
    assert owner_of("ab|x|y") == (Tenant("ab"), "x|y")
    with pytest.raises(ValueError, match="without a tenant"):
        owner_of("one")


def test_view_costs_the_same_calls_and_units(tables, driver):
    def calls_of(view, table):
        driver.meter.reset()
        view.commit([put_new(table, part())], "part.created")
        view.write(Update(table, KEY, (Set("size", 2),)), "part.changed")
        view.get(table, KEY)
        view.query(Query(table, "all", LISTED))
        return [(call.operation, call.read_units, call.write_units) for call in driver.meter.calls]

    assert calls_of(tables.scoped("a"), PARTS) == calls_of(tables, whole(PARTS))


def test_view_writes_tables_without_tenants_beside_its_own_in_one_transaction(tables, views):
    view, other = views
    thing = put_new(THINGS, {"id": "beside"})
    view.commit([put_new(PARTS, part())], "part.created", beside=[thing])
    assert tables.get(THINGS, {"id": "beside"}) is not None
    assert view.get(PARTS, KEY) is not None
    with pytest.raises(TransactionFailedError) as failed:
        other.commit([put_new(PARTS, part())], "part.created", beside=[thing])
    assert [*failed.value.failed] == [1]
    assert other.get(PARTS, KEY) is None


def test_tenanted_table_is_refused_beside_a_view(views):
    with pytest.raises(ValueError, match="has tenants"):
        views[0].commit([], "part.created", beside=[put_new(PARTS, part())])


def test_attachment_is_refused_beside_a_view_when_its_own_condition_fails(tables, views):
    tables.write(put_new(THINGS, {"id": "record"}), "thing.created")
    attachment = Attachment(lambda _result: put_new(THINGS, {"id": "record"}))
    with attaching(attachment), pytest.raises(AttachmentRefusedError):
        views[0].commit([put_new(PARTS, part())], "part.created", beside=[put_new(THINGS, {"id": "b"})], result=1)
    assert tables.get(THINGS, {"id": "b"}) is None

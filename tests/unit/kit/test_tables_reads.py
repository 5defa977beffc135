"""Reads, on both drivers."""

from dataclasses import replace

import pytest

from chalicelib.kit.tables import (
    BeginsWith,
    Between,
    Exactly,
    Query,
    Ref,
    RefusedError,
    Remove,
    Set,
    Tables,
    Update,
    put_new,
)
from tests.unit.kit.sample_tables import BY_KIND, DUE, LINES, THINGS, WORDS


def write_lines(tables: Tables, *numbers: int, book: str = "b") -> None:
    for number in numbers:
        tables.write(put_new(LINES, {"book": book, "number": number}), "line.written")


def numbers_of(items) -> list[int]:
    return [item["number"] for item in items]


def test_partition_is_read_in_numeric_order(tables: Tables):
    write_lines(tables, 10, -3, 9, 2)
    write_lines(tables, 1, book="other")
    page = tables.query(Query(LINES, "b", consistent=True))
    assert numbers_of(page.items) == [-3, 2, 9, 10]
    assert (page.count, page.last_key) == (4, None)
    assert numbers_of(tables.query(Query(LINES, "b", descending=True)).items) == [10, 9, 2, -3]


@pytest.mark.parametrize("descending", [False, True])
def test_query_pages_join_without_gap_or_repeat(tables: Tables, descending):
    write_lines(tables, *range(7))
    pages = list(tables.pages(Query(LINES, "b", limit=3, descending=descending)))
    assert [page.count for page in pages] == [3, 3, 1]
    expected = list(range(7))
    assert numbers_of([item for page in pages for item in page.items]) == (expected[::-1] if descending else expected)


def test_full_last_page_has_a_last_key_and_an_empty_page_follows(tables: Tables):
    write_lines(tables, 1, 2)
    page = tables.query(Query(LINES, "b", limit=2))
    assert page.last_key == {"book": "b", "number": 2}
    after = tables.query(Query(LINES, "b", limit=2, start=page.last_key))
    assert (after.items, after.count, after.last_key) == ([], 0, None)
    assert tables.query(Query(LINES, "b", limit=3)).last_key is None


def test_page_may_start_after_a_deleted_row(tables: Tables):
    write_lines(tables, 1, 3)
    page = tables.query(Query(LINES, "b", start={"book": "b", "number": 2}))
    assert numbers_of(page.items) == [3]


def test_count_query_returns_no_rows(tables: Tables):
    write_lines(tables, 1, 2, 3)
    page = tables.query(Query(LINES, "b", count_only=True, limit=2))
    assert (page.items, page.count, page.last_key) == ([], 2, {"book": "b", "number": 2})
    assert tables.query(Query(LINES, "none", count_only=True)).count == 0


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Exactly(3), [3]),
        (Exactly(4), []),
        (Between(2, 5), [2, 3, 5]),
        (Between(3, 3), [3]),
        (Between(6, 9), []),
        (Between(5, 2), []),
    ],
)
def test_number_condition_selects_its_range_of_rows(tables: Tables, sort, expected):
    write_lines(tables, 1, 2, 3, 5)
    assert numbers_of(tables.query(Query(LINES, "b", sort=sort)).items) == expected
    assert tables.query(Query(LINES, "b", sort=sort, count_only=True)).count == len(expected)
    assert numbers_of(tables.query(Query(LINES, "b", sort=sort, descending=True)).items) == expected[::-1]


def test_text_keys_are_ordered_by_utf8_bytes(tables: Tables):
    for word in ("Zebra", "ab", "abc", "abd", "b", "ä", "\ufffd", "\U0001f600"):
        tables.write(put_new(WORDS, {"book": "b", "word": word}), "word.written")
    words = [item["word"] for item in tables.query(Query(WORDS, "b")).items]
    assert words == ["Zebra", "ab", "abc", "abd", "b", "ä", "\ufffd", "\U0001f600"]
    page = tables.query(Query(WORDS, "b", sort=BeginsWith("ab"), limit=2))
    assert [item["word"] for item in page.items] == ["ab", "abc"]
    rest = tables.query(Query(WORDS, "b", sort=BeginsWith("ab"), start=page.last_key))
    assert [item["word"] for item in rest.items] == ["abd"]


def test_index_returns_only_projected_attributes(tables: Tables):
    item = {"id": "one", "kind": "k", "size": 2, "colour": "red", "weight": 9, "due_shard": "0", "due_at": "t"}
    tables.write(put_new(THINGS, item), "thing.created")
    (entry,) = tables.query(Query(THINGS, "k", index=BY_KIND)).items
    assert entry == {"id": "one", "kind": "k", "size": 2, "colour": "red"}
    (keys,) = tables.query(Query(THINGS, "0", index=DUE)).items
    assert keys == {"id": "one", "due_shard": "0", "due_at": "t"}


def test_index_holds_only_rows_with_all_its_keys(tables: Tables):
    tables.write(put_new(THINGS, {"id": "one", "due_shard": "0"}), "thing.created")
    assert tables.query(Query(THINGS, "0", index=DUE)).items == []
    tables.write(Update(THINGS, {"id": "one"}, (Set("due_at", "t1"),)), "thing.due")
    assert tables.query(Query(THINGS, "0", index=DUE)).count == 1
    tables.write(Update(THINGS, {"id": "one"}, (Set("due_at", "t2"),)), "thing.moved")
    (entry,) = tables.query(Query(THINGS, "0", index=DUE)).items
    assert entry["due_at"] == "t2"
    tables.write(Update(THINGS, {"id": "one"}, (Remove("due_at"),)), "thing.done")
    assert tables.query(Query(THINGS, "0", index=DUE)).items == []


def test_index_pages_with_equal_sort_keys_join_without_gap(tables: Tables):
    for place in range(5):
        tables.write(put_new(THINGS, {"id": f"i{place}", "kind": "k", "size": 1}), "thing.created")
    pages = list(tables.pages(Query(THINGS, "k", index=BY_KIND, limit=2)))
    assert pages[0].last_key is not None
    assert set(pages[0].last_key) == {"id", "kind", "size"}
    assert sorted(item["id"] for page in pages for item in page.items) == [f"i{place}" for place in range(5)]


def test_several_queries_return_their_results_in_order(tables: Tables):
    write_lines(tables, 1, 2, book="a")
    write_lines(tables, 7, book="c")
    queries = [
        Query(LINES, "c"),
        Query(LINES, "a", sort=Between(9, 1)),
        Query(LINES, "a"),
        Query(LINES, "none", count_only=True),
    ]
    pages = tables.query_many(queries)
    assert [numbers_of(page.items) for page in pages] == [[7], [], [1, 2], []]
    assert tables.meter.calls[-1].operation == "Query"
    assert len([call for call in tables.meter.calls if call.operation == "Query"]) == 3
    assert tables.query_many([]) == []
    assert numbers_of(tables.query_many([replace(queries[0], descending=True)])[0].items) == [7]


def test_get_many_keeps_order_repeats_and_missing_rows(tables: Tables):
    write_lines(tables, 1, 2)
    tables.write(put_new(THINGS, {"id": "one"}), "thing.created")
    rows = tables.get_many(
        [
            Ref(LINES, {"book": "b", "number": 2}),
            Ref(THINGS, {"id": "one"}),
            Ref(LINES, {"book": "b", "number": 9}),
            Ref(LINES, {"number": 2, "book": "b"}),
        ]
    )
    assert [row and (row.get("number"), row.get("id")) for row in rows] == [(2, None), (None, "one"), None, (2, None)]


@pytest.mark.parametrize(
    "text", ["", "x" * 2_049, "é" * 1_025, "\ud800"], ids=["empty", "long", "long in UTF-8", "half"]
)
def test_key_that_dynamodb_refuses_names_no_row(tables: Tables, text):
    write_lines(tables, 1)
    queries = [Query(LINES, text), Query(LINES, "b")]

    assert tables.get(LINES, {"book": text, "number": 1}) is None
    assert tables.query(Query(LINES, text)).items == []
    assert [len(page.items) for page in tables.query_many(queries)] == [0, 1]
    refs = [Ref(LINES, {"book": book, "number": 1}) for book in (text, "b")]
    assert [row is None for row in tables.get_many(refs)] == [True, False]


def test_get_many_reads_a_hundred_rows_per_call(tables: Tables):
    write_lines(tables, *range(130))
    tables.meter.reset()
    rows = tables.get_many([Ref(LINES, {"book": "b", "number": number}) for number in range(205)])
    assert [row["number"] for row in rows if row] == list(range(130))
    assert [call.operation for call in tables.meter.calls] == ["BatchGetItem"] * 3
    assert tables.get_many([]) == []


def test_query_page_ends_at_one_megabyte(tables: Tables):
    for number in range(5):
        tables.write(put_new(LINES, {"book": "b", "number": number, "text": "x" * 300_000}), "line.written")
    pages = list(tables.pages(Query(LINES, "b")))
    assert len(pages) > 1
    assert all(page.count <= 4 for page in pages)
    assert numbers_of([item for page in pages for item in page.items]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "query",
    [
        Query(THINGS, "k", index=BY_KIND, consistent=True),
        Query(LINES, "b", limit=0),
        Query(LINES, "b", start={"book": "b"}),
        Query(THINGS, "one", sort=Exactly("x")),
    ],
)
def test_invalid_query_is_refused(tables: Tables, query):
    with pytest.raises(RefusedError):
        tables.query(query)

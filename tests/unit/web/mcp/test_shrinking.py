"""Results that are too large: what is kept, and what is said about the rest."""

import json

from chalicelib.web.mcp.shrinking import LIMITS, MOST_CHARACTERS, MOST_ITEMS, shrunk


def test_small_result_stays_as_it_is():
    data = [{"output": "x" * 5_000}]

    assert shrunk(data) == (data, [])


def test_long_texts_keep_both_ends_and_are_named():
    whole = "begin" + "x" * MOST_CHARACTERS + "end"

    smaller, (note,) = shrunk({"output": whole, "exit_code": 1})

    assert smaller["exit_code"] == 1
    assert smaller["output"].startswith("begin")
    assert smaller["output"].endswith("end")
    assert len(smaller["output"]) < LIMITS[0] + 100
    assert f"texts to {LIMITS[0]} characters" in note
    assert "(output)" in note


def test_page_of_many_items_keeps_the_first_and_says_how_to_get_all():
    page = [{"id": number, "output": "x" * 3_000} for number in range(1_000)]

    kept, notes = shrunk(page)

    assert 0 < len(kept) < len(page)
    assert [item["id"] for item in kept] == list(range(len(kept)))
    assert len(json.dumps(kept, ensure_ascii=False)) <= MOST_CHARACTERS
    assert f"the first {len(kept)} of 1000 items" in notes[0]
    assert f"page_size {len(kept)}" in notes[0]


def test_long_list_within_an_item_is_cut():
    smaller, (note,) = shrunk({"targeting": {"node_ids": ["x" * 36] * 2_000}})

    assert len(smaller["targeting"]["node_ids"]) == MOST_ITEMS
    assert "(node_ids)" in note


def test_result_that_cannot_be_cut_is_left_out_with_a_sentence():
    data, notes = shrunk({f"field {number}": "x" * 100 for number in range(1_000)})

    assert data is None
    assert notes == ["The result is too large to be shown: read it through the HTTP API."]

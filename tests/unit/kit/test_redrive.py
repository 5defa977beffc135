"""Claiming due work, page by page."""

from chalicelib.kit.redrive import claim_due


def test_claims_end_at_the_limit_and_read_no_further_page():
    read = []

    def pages():
        for page in (["a", "b"], ["c", "d"], ["e"]):
            read.append(page)
            yield page

    claimed = list(claim_due(pages(), lambda row: [row.upper()], limit=3))

    assert (claimed, len(read)) == ([["A", "B"], ["C"]], 2)


def test_rows_claimed_by_another_sweep_count_towards_the_limit_and_give_no_work():
    claimed = list(claim_due([["a", "b"], ["c"]], lambda row: [] if row == "a" else [row, f"{row}2"], limit=2))

    assert claimed == [["b", "b2"]]


def test_rows_are_claimed_when_their_page_is_requested():
    taken = []
    work = claim_due([["a"], ["b"]], lambda row: taken.append(row) or [row], limit=9)

    assert (next(work), taken) == (["a"], ["a"])

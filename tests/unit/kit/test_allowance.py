import pytest

from chalicelib.kit.allowance import Allowance


@pytest.mark.parametrize(
    ("repaid_at_ms", "wait"),
    [(None, 0), (0, 0), (100_000, 0), (118_000, 0), (118_001, 1), (119_000, 1), (124_000, 6), (130_000, 12)],
)
def test_allowance_wait_lasts_until_one_of_four_tokens_is_repaid(repaid_at_ms, wait):
    assert Allowance(burst=4, milliseconds_each=6000).wait_seconds(repaid_at_ms, 100_000) == wait


def test_taken_token_moves_the_repayment_time_by_six_seconds():
    bucket = Allowance(burst=4, milliseconds_each=6000)

    assert [bucket.after(known, 100_000) for known in (None, 50_000, 100_000, 118_000)] == [
        106_000,
        106_000,
        106_000,
        124_000,
    ]

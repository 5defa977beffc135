import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.commands.output import STORED_LIMIT_BYTES, compress, cut, decompress, normalise


@pytest.mark.parametrize("blank", [None, "", " ", "\n\t \n"])
def test_blank_output_is_stored_as_none(blank):
    assert normalise(blank) is None


def test_output_is_stored_unchanged():
    assert normalise("  a\nb  \n") == "  a\nb  \n"


def test_long_output_keeps_head_and_tail_and_counts_dropped_bytes():
    text = "H" * STORED_LIMIT_BYTES + "T" * STORED_LIMIT_BYTES
    stored = normalise(text)
    assert stored is not None
    assert len(stored.encode()) <= STORED_LIMIT_BYTES
    head, line, tail = stored.split("\n")
    assert set(head) == {"H"}
    assert set(tail) == {"T"}
    assert line == f"[... {len(text) - len(head) - len(tail)} bytes dropped ...]"


@given(st.text(min_size=1, max_size=400), st.integers(min_value=64, max_value=300))
def test_cut_output_is_within_the_limit_and_made_of_head_and_tail(text, limit):
    short = cut(text, limit)
    assert len(short.encode()) <= limit
    if len(text.encode()) <= limit:
        assert short == text
    else:
        head, tail = _ends(short)
        assert text.startswith(head)
        assert text.endswith(tail)
        kept = len(head.encode()) + len(tail.encode())
        assert f"[... {len(text.encode()) - kept} bytes dropped ...]" in short


def _ends(short: str) -> tuple[str, str]:
    head, _, rest = short.partition("\n[... ")
    return head, rest.partition(" bytes dropped ...]\n")[2]


def test_output_at_the_limit_is_kept_whole():
    text = "x" * STORED_LIMIT_BYTES
    assert normalise(text) == text


def test_short_output_is_not_compressed():
    assert compress("x" * 1024) is None


@given(st.text(min_size=1025, max_size=3000))
def test_compression_is_reversible_and_deterministic(text):
    packed = compress(text)
    assert packed is not None
    assert decompress(packed) == text
    assert packed == compress(text)

import random
import re

import pytest
from edge_agent.masking import MASK, MaskedOutput


def masked(output, *values, pieces=None):
    """The output as it is passed on, given in pieces of these sizes."""
    passed = []
    masking = MaskedOutput(values, passed.append)
    data, at = output.encode(), 0
    for size in pieces or [len(data)]:
        masking.append(data[at : at + size])
        at += size
    masking.append(data[at:])
    masking.end()
    return b"".join(passed).decode()


@pytest.mark.parametrize(
    ("output", "values", "shown"),
    [
        ("the password is hunter2!\n", ["hunter2"], "the password is ***!\n"),
        ("hunter2hunter2", ["hunter2"], "***"),
        ("hunter2 hunter2", ["hunter2"], "*** ***"),
        ("hunter", ["hunter2"], "hunter"),
        ("aaaaa", ["aaaa"], "***"),
        ("short and shorter", ["short", "shorter"], "*** and ***"),
        # One secret ends where another begins.
        ("abcdXefgh", ["abcdX", "Xefgh"], "***"),
        ("a pin of 123", ["123"], "a pin of 123"),
        ("größe geheimß", ["geheimß"], "größe ***"),
        ("password\n", ["password\n"], "***"),
        ("value", ["value\n"], "***"),
        ("nothing", [], "nothing"),
        ("", ["hunter2"], ""),
    ],
)
def test_values_are_masked_and_the_rest_stays(output, values, shown):
    assert masked(output, *values) == shown


def test_lines_of_a_value_are_masked_by_themselves():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG\n-----END KEY-----\n"

    assert masked("MIIEvQIBADANBgkq hkiG", key) == "*** hkiG"
    assert masked(f"key:\n{key}", key) == "key:\n***"


def test_value_that_arrives_in_pieces_is_masked():
    text = "before hunter2-long after"
    for size in range(1, len(text)):
        assert masked(text, "hunter2-long", pieces=[size] * len(text)) == "before *** after"


def test_beginning_of_a_longer_value_is_held_back():
    assert masked("abcdef!", "abcd", "abcdef", pieces=[4, 3]) == "***!"
    assert masked("abcde!", "abcd", "abcdef", pieces=[4, 2]) == "***e!"


def test_output_that_cannot_begin_a_value_is_passed_on_at_once():
    passed = []
    masking = MaskedOutput(["hunter2"], passed.append)
    masking.append(b"line one\nhun")

    assert b"".join(passed) == b"line one\n"


def test_nothing_held_grows_without_end():
    passed = []
    masking = MaskedOutput(["a" * 100], passed.append)
    for _ in range(20):
        masking.append(b"a" * 10_000)

    assert len(passed) > 1
    assert set(passed) == {MASK}


@pytest.mark.parametrize("seed", range(20))
def test_no_value_is_left_in_random_output_in_random_pieces(seed):
    rng = random.Random(seed)
    values = ["".join(rng.choice("ab") for _ in range(rng.randint(4, 9))) for _ in range(3)]
    words = [*values, "a", "b", "ab", "ba", "\n", "-"]
    output = "".join(rng.choice(words) for _ in range(200))
    pieces = [rng.randint(1, 7) for _ in range(300)]
    shown = masked(output, *values, pieces=pieces)

    # What is between two masks has no value, and what was no part of one is still there.
    assert not [value for value in values for part in shown.split(MASK.decode()) if value in part]
    assert shown.count("-") == output.count("-")
    assert masked(output, *values) == re.sub(r"(\*\*\*)+", "***", shown)

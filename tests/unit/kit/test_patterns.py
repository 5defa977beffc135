"""Patterns of values: the whole text has to match, and no pattern takes long."""

import time

import pytest

from chalicelib.kit.patterns import matches, wrong_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (None, "anything", True),
        ("[a-z]+", "abc", True),
        ("[a-z]+", "abc1", False),
        ("[a-z]+", "abc\n", False),
        ("a|b", "ab", False),
        ("", "", True),
        ("(?i)on|off", "OFF", True),
        ("é{2}", "éé", True),
    ],
)
def test_the_whole_text_has_to_match(pattern, text, fits):
    assert matches(pattern, text) is fits


@pytest.mark.parametrize("pattern", ["a)|(b", "(", "(?=a)", r"(a)\1", "(?x)a # b", "((a{999}){999}){999}"])
def test_text_that_is_no_pattern_is_refused_by_name(pattern):
    assert str(wrong_pattern(pattern)).startswith(f"{pattern!r} is no regular expression: ")


def test_match_takes_time_in_proportion_to_the_text():
    began = time.process_time()

    assert not matches("(a+)+b", "a" * 50_000)
    # Python's own would take 2 ** 50,000 steps.
    assert time.process_time() - began < 10

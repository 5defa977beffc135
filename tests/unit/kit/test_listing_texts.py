import pytest

from chalicelib.kit.listing.fields import exact_values, text_test


@pytest.mark.parametrize(
    ("wanted", "text", "fits"),
    [
        ("prod", "prod", True),
        ("prod", "Prod", False),
        ("prod", "production", False),
        ("prod*", "production", True),
        ("prod*", "PRODUCTION", True),
        ("PROD*", "production", True),
        ("*tion", "production", True),
        ("*rod*", "production", True),
        ("a*b", "ab", True),
        ("a*b", "a--b", True),
        ("a*b", "ba", False),
        ("ab*ba", "aba", False),
        ("*", "", True),
        ("**", "anything", True),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "aXcYb", False),
        ("a*b*b", "ab", False),
        ("*aa*aa*", "aaa", False),
        ("*aa*aa*", "aaaa", True),
        ("100%*", "100% done", True),
        ("100%", "1000", False),
        ("a_c*", "abc", False),
        ("a_c*", "a_c", True),
        (".*", "x", False),
        ("a,b", "a", True),
        ("a, b", "b", True),
        ("a,b", "a,b", True),
        ("a,b", "a, b", False),
        ("Rack 4, row 2", "Rack 4, row 2", True),
        ("Rack 4, row 2", "row 2", True),
        (" a ,b", " a ,b", True),
        ("a,b*", "a,b*", True),
        ("a,b*", "a,bc", False),
        (",", ",", True),
        ("a*,b", "a*", True),
        ("a*,b", "ab", False),
        (",", "", False),
        ("line*end", "line\nend", True),
    ],
)
def test_text_filter_matches_stars_commas_and_exact_values(wanted, text, fits):
    assert text_test(wanted)(text) is fits


@pytest.mark.parametrize(
    ("wanted", "values"),
    [("a", ("a",)), ("a,b, a", ("a", "b")), (" a", (" a",)), ("a*", None), ("a*,b", ("a*", "b")), (" , ", ())],
)
def test_exact_values_of_a_text_filter_are_its_parts_without_stars(wanted, values):
    assert exact_values(wanted) == values


def test_text_filter_with_many_stars_takes_linear_time():
    fits = text_test("*a" * 40 + "*b")

    assert fits("a" * 200_000) is False
    assert fits("a" * 200_000 + "b") is True

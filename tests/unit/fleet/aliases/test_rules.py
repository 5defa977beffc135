import pytest

from chalicelib.fleet.aliases.rules import check_name, too_many
from chalicelib.kit.errors import BLANK, Kind, at_most_characters
from tests.support.refusals import refusal


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", BLANK),
        ("a" * 64, at_most_characters(63)),
        ("Web", "has invalid format"),
        ("-", "has invalid format"),
        ("00000000-0000-4000-8000-000000000000", "must not look like a node id"),
    ],
)
def test_alias_name_that_is_not_allowed_is_refused(name, text):
    error = refusal(check_name, name)

    assert (error.kind, error.details) == (Kind.VALIDATION_FAILED, {"name": [text]})


@pytest.mark.parametrize("name", ["web", "a" * 63, "8"])
def test_alias_name_that_is_a_dns_label_is_accepted(name):
    assert check_name(name) is None


def test_refusal_of_too_many_aliases_names_the_limit():
    assert too_many(20).message == "node has reached its limit of 20 aliases"

from typing import Annotated

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.web.spellings import SameAs, Spelled, merged
from chalicelib.web.validation import Body


class Wanted(Body):
    ended_at: str | None = None
    ends_at: Annotated[str | None, SameAs("ended_at")] = None


class Shown(Spelled):
    ended_at: str | None
    ends_at: Annotated[str | None, SameAs("ended_at")] = None


@pytest.mark.parametrize("given", [{"ended_at": "a"}, {"ends_at": "a"}, {"ended_at": "a", "ends_at": "a"}])
def test_value_of_either_name_is_under_the_earlier_one(given):
    read = merged(Wanted(**given))
    assert read.ended_at == "a"
    assert "ended_at" in read.model_fields_set


def test_null_under_the_later_name_counts_as_given():
    read = merged(Wanted(ends_at=None))
    assert (read.ended_at, "ended_at" in read.model_fields_set) == (None, True)


def test_field_without_a_value_under_either_name_is_not_given():
    assert "ended_at" not in merged(Wanted()).model_fields_set


@pytest.mark.parametrize("given", [{"ended_at": "a", "ends_at": "b"}, {"ended_at": None, "ends_at": "b"}])
def test_different_values_under_both_names_are_refused(given):
    with pytest.raises(EdgeError) as caught:
        merged(Wanted(**given))
    assert (caught.value.kind, list(caught.value.details)) == (Kind.VALIDATION_FAILED, ["ends_at"])


def test_answer_has_a_value_under_both_names():
    assert Shown(ended_at="a").model_dump() == {"ended_at": "a", "ends_at": "a"}


def test_later_name_of_an_answer_is_documented_as_required():
    assert Shown.model_json_schema(mode="serialization")["required"] == ["ended_at", "ends_at"]

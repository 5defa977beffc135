"""The numbers and percentages that a rollout takes."""

import pytest
from pydantic import ValidationError

from chalicelib.fleet.api.operator.rollout_models import RolloutIn


@pytest.mark.parametrize("value", ["1%", "10%", "100%", 1, 1000])
def test_number_or_percentage_is_taken_as_it_is_given(value):
    assert RolloutIn(max_concurrency=value).max_concurrency == value


@pytest.mark.parametrize("value", [0, 1001, "0%", "101%", "5", "x%", True, 1.5, None, [1]])
def test_other_concurrency_is_refused(value):
    with pytest.raises(ValidationError):
        RolloutIn(max_concurrency=value)


@pytest.mark.parametrize("value", [0, "0%", "100%", None, 5])
def test_no_errors_and_any_errors_may_be_allowed(value):
    assert RolloutIn(max_errors=value).max_errors == value

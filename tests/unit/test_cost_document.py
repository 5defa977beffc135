"""docs/cost.md says what the model says: its inputs are compared, its dollars follow from measured units."""

from dataclasses import fields

import pytest

from tests.bench import prices_document
from tests.bench.prices import PRICES, Usage


def test_the_inputs_are_those_of_the_model():
    written = prices_document.part_of(prices_document.DOCUMENT.read_text(), "inputs")
    assert written == prices_document.inputs().strip("\n"), f"run {prices_document.COMMAND}"


def test_everything_that_is_used_has_one_price():
    assert sorted(price.field for price in PRICES) == sorted(field.name for field in fields(Usage))


def test_a_usage_costs_the_sum_of_its_parts():
    usage = Usage(rest_requests=2, write_units=4) * 1_000_000 + Usage(alarm_months=3)
    assert usage.usd == pytest.approx(2 * 3.50 + 4 * 0.625 + 3 * 0.10)
    assert (usage - Usage(alarm_months=3)).by_service()["CloudWatch"] == 0

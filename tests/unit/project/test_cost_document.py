"""docs/cost.md says what the model says: its inputs are compared, its dollars follow from measured units."""

from dataclasses import fields

import pytest

from chalicelib import families
from infra.alarms import application_alarms
from infra.deployables import deployables
from infra.package import ROOT
from infra.queue_alarms import queue_alarms
from tests.bench import prices_document
from tests.bench.prices import PRICES, Usage
from tests.bench.prices_extras import documented_seconds, extras, scraping
from tests.bench.prices_limits import REQUESTS_OF_AN_ENVIRONMENT, idle_environments, idle_requests_a_second
from tests.bench.prices_model import SETS, idle_connected, standing, total
from tests.bench.sections.cost import MOST_FOR_AN_IDLE_NODE


def test_inputs_in_the_cost_document_equal_those_of_the_model():
    written = prices_document.part_of(prices_document.DOCUMENT.read_text(), "inputs")
    assert written == prices_document.inputs().strip("\n"), f"run {prices_document.COMMAND}"


def test_bill_at_rest_in_the_cost_document_counts_the_stacks_of_each_set():
    document = prices_document.part_of(prices_document.DOCUMENT.read_text(), "figures")
    for names, it in ((names, standing(names)) for names in SETS):
        listed = ", ".join(f"`{name}`" for name in names)
        assert f"| {listed} | {it.queues} | {it.alarms} | {it.keys} | " in document, f"run {prices_document.COMMAND}"


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[-1])
def test_standing_resources_equal_those_of_the_stage_with_these_families(names):
    stacks = deployables(families.chosen(",".join(names)))
    it = standing(names)
    assert it.queues == sum(not queue.is_manual for stack in stacks for queue in stack.queues)
    made = [name for stack in stacks for name in (*application_alarms(stack), *queue_alarms(stack))]
    assert it.alarms == sum(name.endswith("Alarm") for name in made)
    assert (it.keys, it.secrets) == (2, 1)


def test_each_kind_of_usage_has_one_price():
    assert sorted(price.field for price in PRICES) == sorted(field.name for field in fields(Usage))


def test_usage_costs_the_sum_of_its_parts():
    usage = Usage(rest_requests=2, write_units=4) * 1_000_000 + Usage(alarm_months=3)
    assert usage.usd == pytest.approx(2 * 3.50 + 4 * 0.625 + 3 * 0.10)
    assert (usage - Usage(alarm_months=3)).by_service()["CloudWatch"] == 0


def test_idle_node_with_access_logs_costs_at_most_its_documented_price():
    assert total(idle_connected()).usd <= MOST_FOR_AN_IDLE_NODE


def test_price_of_scraping_is_documented_beside_the_configuration():
    document = (ROOT / "docs" / "metrics.md").read_text()
    every = documented_seconds("scrape_interval")
    assert every == 300
    for seconds in (every, 60, 900):
        assert f"{scraping(seconds).usd:.2f} USD" in document


def test_idle_environments_cover_the_request_quota_of_each():
    in_functions = idle_requests_a_second()
    assert idle_environments() >= in_functions / REQUESTS_OF_AN_ENVIRONMENT


def test_each_optional_extra_but_one_has_a_price():
    free = [what for what, usage in extras().items() if usage.usd == 0]
    assert free == ["a budget, of the first two of an account"]

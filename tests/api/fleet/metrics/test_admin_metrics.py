"""Figures of the installation over HTTP, after a story whose numbers are known."""

import os

import pytest
from openapi_schema_validator import OAS30Validator
from prometheus_client.parser import text_string_to_metric_families

from chalicelib.families import deployed
from chalicelib.fleet.metrics import totals
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.queues import QueueError
from chalicelib.platform.context import ScheduleSource
from infra.deployables import CORE
from tests.support.builders import a_cluster, a_command, machines
from tests.support.callers import operator
from tests.support.client import API_KEY, METRICS_KEY
from tests.support.declared import TOTALS
from tests.support.published import LATER_OPENAPI, OPENAPI, published
from tests.support.world import World
from tests.workers.fleet.test_main_job import run_all

QUEUES = deployed("fleet").queues
"""The queues of the core."""

URL = "/api/v1/admins/me/metrics"
RAW = f"{URL}/raw"


@pytest.fixture(scope="module")
def world():
    """Three machines; two ran a command, the third's was withdrawn. Sweeps ran, one of them failed; all fell silent."""
    world = World(api_key=API_KEY, metrics_key=METRICS_KEY)
    a_cluster(world)
    fleet = machines(world, 3)
    a_command(world)
    world.settle()
    run_all(world, fleet[:2])
    (waiting,) = world.fleet.commands.executions.waiting_for(fleet[2].id, 1000).pending
    world.fleet.commands.executions.cancel(waiting, reach=EVERYWHERE)
    world.settle()
    a_command(world)
    world.clock.advance(60)
    world.queue_client.refuse_next = True
    with pytest.raises(QueueError):
        world.sweep("sweep_commands")
    world.sweep("sweep_commands")
    world.sweep("prune_executions")
    world.clock.advance(301)
    world.sweep("check_health")
    world.settle()
    world.clock.advance(1)
    world.queue_client.sent["command-delivery"] = [{"MessageBody": "{}"}] * 2
    world.queue_client.sent["events-dead"] = [{"MessageBody": "{}"}]
    world.queue_client.delayed["clean-up"] = [{"MessageBody": "{}"}] * 3
    return world


@pytest.fixture
def client(world):
    return operator(world).with_key(METRICS_KEY)


def samples(client):
    answer = client.get(RAW)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(sample.name, *sorted(sample.labels.values())): sample.value for one in families for sample in one.samples}


class TestJson:
    def test_admin_metrics_show_the_figures_with_a_source(self, client):
        data = client.get(URL).data
        assert data["timestamp"] == "2026-11-21T10:06:02Z"
        assert data["metadata"] == {
            "degraded": False,
            "orphaned_clusters": None,
            "assigned_clusters": 1,
            "recomputations_total": None,
        }
        assert data["commands"] == {
            "delivery_total": None,
            "delivery_delivered_count": None,
            "execution_delivered_total": 2,
            "execution_completed_total": 2,
            "expiration_total": 1,
            "pruning_total": 1,
            "pruning_deleted_count": 0,
            # The later names and figures.
            "delivery_runs_total": None,
            "delivery_last_delivered_count": None,
            "execution_dropped_total": 0,
            "expired_total": 0,
            "expiration_runs_total": 1,
            "expiration_last_expired_count": None,
            "pruning_runs_total": 1,
            "pruned_total": 0,
            "pruning_last_deleted_count": None,
        }
        by_status = {name: value for name, value in data["nodes"].items() if name.startswith("last_sweep_")}
        assert data["nodes"]["health_checks_total"] == 3
        assert by_status.keys() == {f"last_sweep_{status}_count" for status in ("healthy", "unhealthy", "unreachable")}
        assert sum(by_status.values()) == 3
        assert data["reconciliation"]["runs_total"] == data["reconciliation"]["total"]
        assert data["quantum"] == {"jobs_executed_total": 4, "jobs_exceptions_total": 1}
        assert (data["event_broker"]["enabled"], data["event_broker"]["publishes_total"]) == (True, None)

    def test_event_total_counts_every_published_event(self, world, client):
        published = {envelope["id"] for envelope in world.bus_client.envelopes}
        assert client.get(URL).data["event_broker"]["enqueues_total"] == len(published)

    def test_queue_metrics_show_every_queue_by_state(self, client):
        queues = {each.pop("queue"): each for each in client.get(URL).data["oban_queues"]}
        nothing = dict.fromkeys(
            ("available", "scheduled", "executing", "retryable", "completed", "discarded", "cancelled"), 0
        )
        assert queues == {
            **dict.fromkeys(QUEUES, nothing),
            "command-delivery": {**nothing, "available": 2},
            "clean-up": {**nothing, "scheduled": 3},
            "events": {**nothing, "discarded": 1},
        }

    @pytest.mark.parametrize("document", [OPENAPI, LATER_OPENAPI])
    def test_admin_metrics_fit_the_contract(self, client, document):
        folder = os.environ.get("EDGE_CONTRACT_DIR", "")
        if not folder:
            pytest.skip("EDGE_CONTRACT_DIR names no folder with the contract")
        contract = published(document)
        schema = contract["components"]["schemas"]["AdminMetricsResponse"]
        answer = client.get(URL)
        OAS30Validator({"allOf": [schema], "components": contract["components"]}).validate(answer.json)
        assert schema["properties"]["data"]["properties"].keys() <= answer.data.keys()

    def test_admin_metrics_without_sqs_are_503(self, world, client):
        world.queue_client.fails_with = "ServiceUnavailable"
        try:
            assert [client.get(url).status for url in (URL, RAW)] == [503, 503]
        finally:
            world.queue_client.fails_with = None

    def test_admin_metrics_cost_a_fixed_number_of_calls(self, world, client):
        world.queue_client.asked_about.clear()
        client.get(URL)
        meter = client.services.platform.tables.meter
        assert [call.operation for call in meter.calls] == ["Query"] * len(totals.ALL)
        assert len(world.queue_client.asked_about) == 2 * len(QUEUES) - 1


class TestRaw:
    def test_raw_metrics_show_the_same_figures(self, client):
        read = samples(client)
        assert read["edge_admin_degraded",] == 0
        assert read["edge_admin_rows", "commands"] == 2
        assert read["edge_admin_nodes", "unreachable"] == 3
        assert read["edge_admin_executions", "completed"] == 2
        assert read["edge_admin_execution_steps_total", "execution.sent"] == 2
        assert read["edge_admin_execution_steps_total", "execution.cancelled"] == 1
        assert read["edge_admin_enrollment_key_verifications_total",] == 3
        assert read["edge_admin_schedule_runs_total", "sweep_commands"] == 1
        assert read["edge_admin_schedule_failures_total", "sweep_commands"] == 1
        assert read["edge_admin_queue_messages", "command-delivery", "waiting"] == 2
        assert read["edge_admin_queue_messages", "dead", "events"] == 1

    def test_raw_metrics_show_degraded_mode_as_1(self, world):
        world = World(admin_max_wireguard_peers=1)
        a_cluster(world)
        machines(world, 2)
        world.sweep("heartbeat")

        assert samples(operator(world))["edge_admin_degraded",] == 1


@pytest.mark.parametrize("url", [URL, RAW])
@pytest.mark.parametrize(("key", "status"), [(METRICS_KEY, 200), ("master-key", 200), (API_KEY, 401), (None, 401)])
def test_admin_metrics_are_open_to_their_keys_only(client, url, key, status):
    assert client.get(url, key=key).status == status


@pytest.mark.parametrize("url", [URL, RAW])
def test_admin_metrics_with_busy_tables_are_503(url):
    world = World()
    world.driver.fail_next(100_000, "throttle")
    assert operator(world).get(url).status == 503


def test_metrics_count_every_schedule():
    assert {one.name for one in CORE.functions if isinstance(one.source, ScheduleSource)} == set(totals.SCHEDULES)


def test_metrics_use_only_totals_that_are_kept():
    kept = {*totals.ROWS, *totals.NODES.values(), *totals.EXECUTIONS.values()}
    assert kept <= set(TOTALS)


def test_metrics_show_every_counted_list():
    assert {counted.table.name for counted in deployed("fleet").counted} == set(totals.ROWS)

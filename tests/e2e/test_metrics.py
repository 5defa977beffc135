"""Metrics in the local cloud, under the real roles: a machine is woken for its figures, a Prometheus finds it. The
machine is played by this test."""

import json
import urllib.request
from threading import Thread

from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import ClientConnection, connect

from infra.local.operator_api import Operator
from tests.e2e.cloud import granted
from tests.e2e.test_names_and_updates import enrolled
from tests.unit.fleet.metrics.texts import AGENT, HOST

TEXTS = {"host": HOST, "agent": AGENT}
PATIENCE_SECONDS = 30


def get(cloud, path: str) -> tuple[str, str]:
    """The text of an answer, and its media type."""
    headers = {"Authorization": f"Bearer {cloud.master_key}"}
    request = urllib.request.Request(cloud.url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return answer.read().decode(), answer.headers["content-type"]


def answer_one_frame(connection: ClientConnection, machine: Operator, frames: list) -> None:
    frames.append(json.loads(connection.recv(timeout=PATIENCE_SECONDS)))
    for name in frames[0]["metrics_types"]:
        body = {"metrics_type": name, "metrics_text": TEXTS[name]}
        machine.call("POST", "/api/v1/agents/metrics/push", body)


def names_in(text: str) -> set[str]:
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def test_agent_is_woken_to_push_fresh_metrics(cloud, operator):
    operator.create_cluster("metrics")
    node_id, machine = enrolled(cloud, operator, "metrics")
    headers = {"Authorization": f"Bearer {machine.key}"}
    frames: list = []
    with connect(cloud.websocket_url, additional_headers=headers) as connection:
        playing = Thread(target=answer_one_frame, args=(connection, machine, frames))
        playing.start()
        both = operator.call("GET", f"/api/v1/nodes/{node_id}/metrics")["data"]
        playing.join()

    assert frames == [{"type": "metrics", "metrics_types": ["host", "agent"]}]
    assert (both["host"]["memory"]["usage_percent"], both["agent"]["vpn"]["pulls_total"]) == (67.24, 7)
    [labels] = [
        entry["labels"]
        for entry in json.loads(get(cloud, "/api/v1/nodes/metrics/host/discovery?cluster_name=metrics")[0])
    ]
    assert labels["node_id"] == node_id
    assert get(cloud, labels["__metrics_path__"]) == (HOST, "text/plain; version=0.0.4")
    assert cloud.calls <= granted(cloud.table_prefix)


def test_admin_metrics_show_jobs_events_and_queues(cloud, operator):
    cloud.sweep()
    figures = operator.call("GET", "/api/v1/admins/me/metrics")["data"]
    assert figures["quantum"]["jobs_executed_total"] >= 1
    assert {"events", "clean-up"} <= {each["queue"] for each in figures["oban_queues"]}
    text, media_type = get(cloud, "/api/v1/admins/me/metrics/raw")
    assert media_type == "text/plain; version=0.0.4"
    assert {"edge_admin_events_total", "edge_admin_queue_messages", "edge_admin_schedule_runs_total"} <= names_in(text)
    assert cloud.calls <= granted(cloud.table_prefix)

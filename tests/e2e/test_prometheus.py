"""A real Prometheus, configured as documented, finds nodes by service discovery and scrapes what they pushed."""

from collections.abc import Iterator

import pytest

from tests.e2e.api import Api
from tests.e2e.cloud import Fleet, eventually, fleet, logged
from tests.e2e.conftest import SETTINGS
from tests.e2e.prometheus import INSTALLED, Prometheus, complaints, documented
from tests.e2e.test_names_and_updates import enrolled

pytestmark = pytest.mark.skipif(not INSTALLED, reason="Prometheus is not installed (Debian: apt install prometheus)")

KEY = SETTINGS["METRICS_KEY"]

WIREGUARD = """# HELP wireguard_peers Peers that are known
# TYPE wireguard_peers gauge
wireguard_peers{interface="wg0"} 7
"""

TYPES = ("host", "agent", "wireguard")
JOBS = {f"node-{each}-metrics" for each in TYPES}


@pytest.fixture(scope="module")
def scraped(cloud) -> Iterator[Fleet]:
    """A real agent that pushes its figures every second."""
    with fleet(cloud, "scraped") as scraped:
        [agent] = scraped.enrol(1, "--metrics-interval", "1")
        eventually(lambda: {each["metrics_type"] for each in logged(agent, "metrics.pushed")} >= {"host", "agent"})
        yield scraped


@pytest.fixture(scope="module")
def tunnelled(cloud, operator) -> Iterator[str]:
    """A machine that this test plays: it pushes what the sample agent has nothing to say of."""
    operator.create_cluster("tunnelled")
    node_id, machine = enrolled(cloud, operator, "tunnelled")
    body = {"metrics_type": "wireguard", "metrics_text": WIREGUARD}
    machine.call("POST", "/api/v1/agents/metrics/push", body)
    yield node_id
    operator.call("DELETE", f"/api/v1/nodes/{node_id}")
    operator.call("DELETE", "/api/v1/clusters/tunnelled")


@pytest.fixture(scope="module")
def prometheus(cloud, scraped, tunnelled, tmp_path_factory) -> Iterator[Prometheus]:
    clusters = {"host": "scraped", "agent": "scraped", "wireguard": "tunnelled"}
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), documented(cloud.url, clusters), KEY)
    yield prometheus
    prometheus.stop()


def test_prometheus_targets_are_discovered_and_up(prometheus, scraped, tunnelled):
    eventually(prometheus.is_ready)
    [node] = scraped.nodes()

    def up() -> dict[str, dict] | None:
        targets = {each["labels"]["job"]: each for each in prometheus.targets()}
        return targets if len(targets) == 4 and {each["health"] for each in targets.values()} == {"up"} else None

    targets = eventually(up)
    assert targets.keys() == {*JOBS, "edge-admin"}
    nodes = {"host": node["id"], "agent": node["id"], "wireguard": tunnelled}
    for name, node_id in nodes.items():
        labels = targets[f"node-{name}-metrics"]["labels"]
        assert (labels["instance"], labels["node_id"]) == (node_id, node_id)
        assert labels["cluster"] == ("tunnelled" if name == "wireguard" else "scraped")


def test_prometheus_stores_the_values_shown_by_the_api(prometheus, scraped, tunnelled):
    [node] = scraped.nodes()
    figures = scraped.api.get(f"/api/v1/nodes/{node['id']}/metrics/host").data

    of_node = f'node_id="{node["id"]}"'
    assert eventually(lambda: prometheus.values(f"node_memory_MemTotal_bytes{{{of_node}}}")) == [
        figures["memory"]["total_bytes"]
    ]
    assert eventually(lambda: prometheus.values(f"edge_agent_prom_ex_beam_stats_process_count{{{of_node}}}"))[0] >= 1
    assert eventually(lambda: prometheus.values(f'wireguard_peers{{node_id="{tunnelled}"}}')) == [7]
    assert eventually(lambda: prometheus.values('sum(edge_admin_events_total{job="edge-admin"})'))[0] >= 1


def test_metrics_key_is_accepted_for_metrics_only(cloud):
    metrics = Api(cloud.url, KEY)

    assert metrics.get("/api/v1/admins/me/metrics").status == 200
    assert metrics.get("/api/v1/nodes").status == 401


def test_promtool_accepts_every_metrics_text_but_for_names_given_from_outside(cloud, scraped):
    """node_exporter's, and those that the reference's agents have."""
    metrics = Api(cloud.url, KEY)
    [node] = scraped.nodes()

    assert complaints(metrics.get("/api/v1/admins/me/metrics/raw").text) == []
    of_host = complaints(metrics.get(f"/api/v1/nodes/{node['id']}/metrics/host/raw").text)
    of_agent = complaints(metrics.get(f"/api/v1/nodes/{node['id']}/metrics/agent/raw").text)
    assert [line for line in of_host if not line.startswith("node_memory_")] == []
    assert [line for line in of_agent if not line.startswith("edge_agent_prom_ex_")] == []

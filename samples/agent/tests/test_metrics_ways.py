import asyncio
import http.client
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from edge_agent.errors import UnavailableError
from edge_agent.host_metrics import node_exporter_metrics
from edge_agent.ports.network import SystemNetwork

from samples.agent.tests.support.eventually import PATIENCE_SECONDS, eventually
from samples.agent.tests.support.metrics import parsed

NODE_ID = str(uuid.UUID(int=7))


class NodeExporter:
    """Answers every request with `status` and `content`."""

    def __init__(self):
        self.status, self.content = 200, b"node_load1 0.5\n"
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(exporter.status)
                self.end_headers()
                self.wfile.write(exporter.content)

            def log_message(self, *_):
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/metrics"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def ask(server, *types):
    server.send({"type": "metrics", "metrics_types": list(types)})


def get(port, path, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request("GET", path, headers={"authorization": f"Bearer {token}"} if token else {})
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["content-type"], content


def test_requested_metrics_are_sent(server, agents):
    agent = agents.connected()
    server.fail("POST", "/agents/metrics/push", status=503)
    execution_id = server.add("true", wake=True)
    agent.wait_for("execution.reported", execution_id=execution_id)
    assert server.metrics == []
    ask(server, "agent")
    agent.wait_for("metrics.push_failed", metrics_type="agent")
    ask(server, "wireguard", "agent", None)
    samples = parsed(eventually(lambda: server.pushed("agent"), what=agent.stderr)[0])
    for name in ("commands_execution_enqueued_total", "commands_execution_completed_total", "commands_report_total"):
        assert samples[(f"edge_agent_{name}",)] == 1, name
    assert samples[("edge_agent_commands_sync_total",)] >= 2
    assert samples[("edge_agent_ssh_connection_total",)] == 0
    assert samples[("edge_agent_prom_ex_application_uptime_milliseconds_count",)] > 0
    assert samples[("edge_agent_prom_ex_beam_stats_process_count",)] == 1
    assert samples[("edge_agent_prom_ex_beam_memory_allocated_bytes",)] > 2**20
    server.send({"type": "metrics", "metrics_types": "host"})
    ask(server, "host", "agent")
    host = eventually(lambda: server.pushed("host"), what=agent.stderr)[0]
    assert ("node_load1",) in parsed(host)
    eventually(lambda: len(server.pushed("agent")) == 2, what=agent.stderr)
    assert len(server.metrics) == 3


def test_running_and_waiting_commands_are_counted(server, agents):
    agent = agents.connected("--max-parallel", "1", "--cancel-grace-seconds", "0.1")
    running = server.add("echo; sleep 300", wake=True)
    server.add("true", wake=True)
    agent.wait_for("execution.started", execution_id=running)
    eventually(lambda: len(agent.logged("execution.acknowledged")) == 2, what=agent.stderr)
    ask(server, "agent")
    samples = parsed(eventually(lambda: server.pushed("agent"), what=agent.stderr)[0])
    queue = "edge_agent_prom_ex_oban_queue_length_count"
    assert samples[(queue, ("queue", "commands"), ("state", "executing"))] == 1
    assert samples[(queue, ("queue", "commands"), ("state", "available"))] == 1
    assert samples[("edge_agent_prom_ex_beam_stats_process_count",)] >= 2
    assert samples[("edge_agent_prom_ex_beam_memory_processes_total_bytes",)] > 0


def test_interval_with_a_node_exporter_sends_its_text(server, agents):
    with NodeExporter() as exporter:
        agent = agents.connected("--metrics-interval", "1", "--node-exporter-url", exporter.url)
        eventually(lambda: server.pushed("agent"), what=agent.stderr)
        assert eventually(lambda: server.pushed("host"), what=agent.stderr)[0] == "node_load1 0.5\n"


def test_interval_of_the_server_can_change(server, agents):
    server.metrics_push_seconds = 1
    agent = agents.connected()
    eventually(lambda: server.pushed("host") and server.pushed("agent"), what=agent.stderr)
    agent.stop()
    known = len(server.metrics)
    server.metrics_push_seconds = None
    again = agents.connected()
    again.wait_for("execution.reported", execution_id=server.add("true", wake=True))
    assert len(server.metrics) == known
    server.metrics_push_seconds = 1
    # The server has another token now, and accepts the agent's only for a registration.
    server.previous_tokens[NODE_ID], server.tokens[NODE_ID] = (server.tokens[NODE_ID], 3600.0), "another"
    server.disconnect()
    eventually(lambda: len(again.logged("agent.reregistered")) == 2, what=again.stderr)
    assert eventually(lambda: server.metrics[known:], what=again.stderr)


def test_requested_metrics_do_not_delay_regular_ones(server, agents):
    agent = agents.connected("--metrics-interval", "1")
    host = eventually(lambda: ask(server, "agent") or server.pushed("host"), what=agent.stderr)
    assert ("node_load1",) in parsed(host[0])


def test_interval_option_overrides_the_servers(server, agents):
    server.metrics_push_seconds = 3600
    agent = agents.connected("--metrics-interval", "1")
    assert len(eventually(lambda: server.pushed("agent")[1:], what=agent.stderr)) >= 1


@pytest.mark.parametrize(
    ("status", "content"),
    [(500, b"node_load1 1\n"), (302, b""), (200, b""), (200, b"\xff"), (200, b"#" * (768 * 1024 + 1))],
    ids=["error", "redirect", "nothing", "no-text", "too-much"],
)
def test_node_exporter_without_a_usable_answer_is_unavailable(status, content):
    async def read():
        text = node_exporter_metrics(exporter.url, SystemNetwork(None, {}))
        assert await text() == "node_load1 0.5\n"
        exporter.status, exporter.content = status, content
        with pytest.raises(UnavailableError, match="node_exporter"):
            await text()
        exporter.server.server_close()
        with pytest.raises(UnavailableError, match="node_exporter"):
            await text()

    with NodeExporter() as exporter:
        asyncio.run(read())


def test_metrics_with_the_push_api_can_be_fetched(server, agents):
    agent = agents.connected("--push-port", "0", "--host-metrics-port", "0")
    push_port = agent.wait_for("push.listening")["port"]
    host_port = agent.wait_for("metrics.listening")["port"]
    assert server.seen("POST", "/agents/nodes")[0].body["host_metrics_port"] == host_port
    status, kind, text = get(host_port, "/metrics")
    assert (status, kind.split(";")[0]) == (200, "text/plain")
    assert ("node_load1",) in parsed(text)
    assert get(host_port, "/elsewhere")[0] == 404
    raw = "/api/v1/agents/me/metrics/raw"
    assert get(push_port, raw)[0] == 401
    status, kind, text = get(push_port, raw, server.tokens[NODE_ID])
    assert (status, kind.split(";")[0]) == (200, "text/plain")
    assert parsed(text)[("edge_agent_diagnostics_push_total",)] == 0


def test_host_metrics_port_without_the_push_api_is_only_recorded(server, agents):
    agent = agents.connected("--host-metrics-port", "9100")
    assert server.seen("POST", "/agents/nodes")[0].body["host_metrics_port"] == 9100
    assert not agent.logged("metrics.listening")

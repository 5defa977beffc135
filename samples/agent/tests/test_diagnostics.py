import asyncio
import uuid

from edge_agent.diagnostics import Diagnostics, Finding
from edge_agent.times import ServerTime

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.memory_ports import VirtualClock

NODE_ID = str(uuid.UUID(int=7))


def asked(server, agent):
    server.send({"type": "metrics", "metrics_types": ["diagnostics"]})
    return eventually(lambda: server.reports.pop() if server.reports else None, what=agent.stderr)


def statuses(report):
    return {check["name"]: check["status"] for check in report["checks"]}


def test_agent_reports_on_its_state_registration_and_metrics_when_asked(server, agents):
    agent = agents.connected()
    report = asked(server, agent)

    assert statuses(report) == {"database": "pass", "bootstrap": "pass", "metrics_servers": "pass"}
    details = {check["name"]: check["details"] for check in report["checks"]}
    assert set(details["database"]) == {"state_directory", "journal"}
    assert details["bootstrap"]["servers"] == server.url
    assert details["metrics_servers"]["host_bytes"] > "0"
    assert all(check["duration_ms"] >= 0 for check in report["checks"])
    assert server.tokens[NODE_ID] not in str(report)
    assert server.metrics == []


def test_metrics_that_cannot_be_had_are_a_failed_check(server, agents):
    agent = agents.connected("--node-exporter-url", "http://127.0.0.1:1/metrics")
    report = asked(server, agent)

    assert statuses(report)["metrics_servers"] == "fail"
    (summary,) = [check["summary"] for check in report["checks"] if check["name"] == "metrics_servers"]
    assert summary.startswith("host: ")


def test_ssh_server_is_checked_where_one_is_offered(server, agents):
    agent = agents.connected("--ssh-port", "0")
    agent.wait_for("ssh.listening")

    assert statuses(asked(server, agent))["ssh_server"] == "pass"


def test_report_that_the_server_does_not_take_is_sent_again_when_it_asks_again(server, agents):
    agent = agents.connected()
    server.fail("POST", "/agents/diagnostics", status=503)
    server.send({"type": "metrics", "metrics_types": ["diagnostics"]})
    agent.wait_for("diagnostics.push_failed")

    assert asked(server, agent)


def test_probe_that_raises_is_a_failed_check():
    async def broken():
        raise OSError("no such file")

    async def well():
        return Finding("pass")

    clock = VirtualClock()
    report = asyncio.run(Diagnostics({"database": broken, "bootstrap": well}, clock, ServerTime(clock)).report())

    assert statuses(report) == {"database": "fail", "bootstrap": "pass"}
    assert report["checks"][0]["summary"].startswith("OSError")

"""Machines that are away, commands that run out of time, a change stream that is lost: what is promised then.

Everything goes over HTTP and through the deployed functions; minutes pass on the fake's clock, and with each of them
the schedules run.
"""

import json
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.fleet.commands.queues import TIMELY_WORK
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS
from chalicelib.kit.clock import to_seconds_text
from tests.support.builders import a_cluster
from tests.support.callers import Agent, connect, enrolled, operator
from tests.support.declared import TOTALS, WORKERS
from tests.support.world import World, sqs_record

HOUR_MINUTES = 60
DOWN_MINUTES = 25 * HOUR_MINUTES
SWEEPS = ("sweep_commands", "check_health")


class Site:
    """A cluster with some agents, and an operator."""

    def __init__(self, count: int = 1) -> None:
        self.world = World()
        self.client = operator(self.world)
        a_cluster(self.world)
        self.agents: list[Agent] = enrolled(self.client, count)
        self.world.settle()

    def command(self, *, minutes: int | None = None) -> str:
        """Run something on all, with a deadline in so many minutes, or without one; not yet worked through."""
        body: dict[str, Any] = {"command_text": "true", "targeting": {"type": "all"}, "expired_at": None}
        if minutes is not None:
            body["expired_at"] = self.in_minutes(minutes)
        answer = self.client.post("/api/v1/commands", json=body)
        assert answer.status == 201, answer.text
        return str(answer.data["id"])

    def in_minutes(self, minutes: int) -> str:
        return to_seconds_text(self.world.clock.now() + timedelta(minutes=minutes))

    def pass_minutes(self, minutes: int, *, relayed: bool = True, step: int = 1) -> None:
        """Each minute, or in larger steps, the schedules run, then the queues. ``relayed`` False: the change stream is
        lost."""
        for _ in range(0, minutes, step):
            self.world.clock.advance(60 * step)
            for sweep in SWEEPS:
                self.world.sweep(sweep)
            self.settle(relayed=relayed)

    def settle(self, *, relayed: bool) -> None:
        if relayed:
            self.world.settle()
            return
        while self.world.work_only():
            pass
        self.lose_stream()

    def lose_stream(self) -> None:
        """The records so far are delivered to nobody, ever."""
        list(self.world.relay_batches())

    def execution(self, execution_id: str) -> dict[str, Any]:
        data: dict[str, Any] = self.client.get(f"/api/v1/command_executions/{execution_id}").data
        return data

    def node(self, agent: Agent) -> dict[str, Any]:
        data: dict[str, Any] = self.client.get(f"/api/v1/nodes/{agent.id}").data
        return data

    def events(self, execution_id: str) -> Counter[str]:
        """How many different events of each kind there were about an execution."""
        ids = {one["id"]: one["type"] for one in self.world.bus_client.envelopes if execution_id in json.dumps(one)}
        return Counter(kind.removeprefix("edge.command_execution.") for kind in ids.values())

    def due(self) -> list[Any]:
        return [row["due_at"] for row in self.world.driver.rows(FAN_OUTS) if "due" in row]


def version_of(site: Site, execution_id: str) -> Any:
    return (site.world.driver.row(EXECUTIONS, {"id": execution_id}) or {})["version"]


class TestOffline:
    def test_offline_agent_finds_its_command_when_polling_again(self):
        site = Site()
        (agent,) = site.agents
        site.pass_minutes(HOUR_MINUTES)
        assert site.node(agent)["status"] == "unreachable"
        site.command()
        site.pass_minutes(2 * HOUR_MINUTES)
        (execution_id,) = agent.waiting()
        assert agent.acknowledge(execution_id).status == 200
        assert agent.report(execution_id, exit_code=0, output="back\n").status == 200
        site.settle(relayed=True)
        shown = site.execution(execution_id)
        assert (shown["status"], shown["exit_code"], shown["output"]) == ("completed", 0, "back\n")
        assert site.node(agent)["status"] == "healthy"
        assert site.events(execution_id) == {"created": 1, "sent": 1, "completed": 1}
        assert site.due() == []

    def test_offline_agent_finds_open_executions_when_connecting_again(self):
        site = Site()
        (agent,) = site.agents
        connect(site.world, agent, "socket-1")
        site.command()
        site.settle(relayed=True)
        (taken,) = agent.waiting()
        agent.acknowledge(taken)
        del site.world.socket_client.frames["socket-1"]  # its power fails; nobody is told
        site.command()
        site.pass_minutes(HOUR_MINUTES)
        connect(site.world, agent, "socket-2")
        (waiting,) = agent.waiting("pending")
        assert agent.waiting("sent") == [taken]
        assert waiting != taken
        site.command()
        site.settle(relayed=True)
        (frame, *_) = site.world.socket_client.frames["socket-2"]
        assert frame["type"] == "executions"
        assert set(frame["ids"]) < set(agent.waiting())

    def test_offline_agent_finds_an_undelivered_cancel(self):
        site = Site()
        (agent,) = site.agents
        site.command()
        site.settle(relayed=True)
        (execution_id,) = agent.waiting()
        agent.acknowledge(execution_id)
        site.pass_minutes(HOUR_MINUTES)
        assert site.client.patch(f"/api/v1/command_executions/{execution_id}/cancel").status == 200
        site.pass_minutes(HOUR_MINUTES)
        (row,) = agent.poll("sent").data
        assert (row["id"], row["cancel_requested_at"] is not None) == (execution_id, True)
        assert agent.report(execution_id, exit_code=143).status == 200
        assert site.execution(execution_id)["status"] == "cancelled"


class TestDeadline:
    def test_offline_node_execution_expires_at_deadline(self):
        site = Site()
        (agent,) = site.agents
        site.command(minutes=30)
        site.settle(relayed=True)
        (execution_id,) = agent.waiting()
        site.pass_minutes(29)
        assert (site.execution(execution_id)["status"], version_of(site, execution_id)) == ("pending", 1)
        site.pass_minutes(2)
        assert (site.execution(execution_id)["status"], version_of(site, execution_id)) == ("expired", 2)
        site.pass_minutes(2 * HOUR_MINUTES)
        assert (site.execution(execution_id)["status"], version_of(site, execution_id)) == ("expired", 2)
        assert site.events(execution_id) == {"created": 1, "expired": 1}
        assert site.due() == []
        assert agent.waiting() == []

    def test_concurrent_sweeps_expire_an_execution_once(self):
        site = Site()
        (agent,) = site.agents
        command_id = site.command(minutes=30)
        site.settle(relayed=True)
        (execution_id,) = agent.waiting()
        site.world.clock.advance(31 * 60)
        site.world.driver.latency(0.01)
        site.world.clock.run_together([lambda: site.world.sweep("sweep_commands")] * 3)
        waiting = site.world.queue_client.take(TIMELY_WORK)
        assert waiting == [{"kind": "expire_command", "id": command_id}]
        while waiting:
            passes = [partial(site.world.call, WORKERS[TIMELY_WORK], {"Records": [sqs_record(waiting[0])]})] * 3
            assert site.world.clock.run_together(passes) == [{"batchItemFailures": []}] * 3
            waiting = site.world.queue_client.take(TIMELY_WORK)
            assert waiting == waiting[:1] * len(waiting)  # each queued the same next chunk
        site.world.driver.latency(0)
        site.pass_minutes(HOUR_MINUTES)
        assert (site.execution(execution_id)["status"], version_of(site, execution_id)) == ("expired", 2)
        assert site.events(execution_id) == {"created": 1, "expired": 1}
        assert site.due() == []

    def test_duplicate_deliveries_expire_an_execution_once(self):
        site = Site()
        (agent,) = site.agents
        site.command(minutes=30)
        site.world.settle(twice=True)
        (execution_id,) = agent.waiting()
        for _ in range(HOUR_MINUTES):
            site.world.clock.advance(60)
            site.world.sweep("sweep_commands")
            site.world.sweep("sweep_commands")
            site.world.settle(twice=True)
        assert version_of(site, execution_id) == 2
        assert site.events(execution_id) == {"created": 1, "expired": 1}

    @pytest.mark.parametrize("body", [{"exit_code": 0}, {"status": "expired", "exit_code": 124}, {"exit_code": 143}])
    def test_running_agent_is_stopped_at_deadline_and_its_late_result_stored(self, body):
        site = Site()
        (agent,) = site.agents
        site.command(minutes=30)
        site.settle(relayed=True)
        (execution_id,) = agent.waiting()
        agent.acknowledge(execution_id)
        connect(site.world, agent, "socket-1")
        site.pass_minutes(31)
        assert site.execution(execution_id)["status"] == "expired"
        asked = [frame for frame in site.world.socket_client.frames["socket-1"] if frame["type"] == "cancel"]
        assert asked == [{"type": "cancel", "ids": [execution_id]}]
        site.world.clock.advance(3600)
        assert agent.report(execution_id, output="partly\n", **body).status == 200
        assert agent.report(execution_id, output="again\n", **body).status == 409
        shown = site.execution(execution_id)
        expected = {0: "completed", 124: "expired", 143: "cancelled"}[body["exit_code"]]
        assert (shown["status"], shown["output"], shown["exit_code"]) == (expected, "partly\n", body["exit_code"])
        site.pass_minutes(HOUR_MINUTES)
        assert site.execution(execution_id)["status"] == expected
        assert site.due() == []

    def test_execution_never_taken_gets_no_stop_request_at_deadline(self):
        site = Site()
        (agent,) = site.agents
        connect(site.world, agent, "socket-1")
        site.command(minutes=30)
        site.pass_minutes(31)
        kinds = {frame["type"] for frame in site.world.socket_client.frames["socket-1"]}
        assert kinds == {"executions"}


class TestLostStream:
    """The relay is down for longer than the stream keeps its records: they are never delivered."""

    @pytest.fixture
    def site(self):
        """Commands were given to 30 agents just before a day without a relay."""
        site = Site(30)
        site.commands = [site.command(), site.command(minutes=DOWN_MINUTES * 2)]
        site.lose_stream()
        site.pass_minutes(HOUR_MINUTES, relayed=False)
        site.pass_minutes(DOWN_MINUTES - HOUR_MINUTES, relayed=False, step=10)
        return site

    def test_sweep_creates_executions_of_a_lost_stream(self, site):
        reached = Counter((row["node_id"], row["command_id"]) for row in site.world.driver.rows(EXECUTIONS))
        assert reached == {(agent.id, command_id): 1 for agent in site.agents for command_id in site.commands}
        assert site.due() == [site.world.driver.row(FAN_OUTS, {"command_id": site.commands[1]})["deadline"]]

    def test_agents_poll_and_run_executions_of_a_lost_stream(self, site):
        for agent in site.agents:
            waiting = agent.waiting()
            assert len(waiting) == 2
            for execution_id in waiting:
                assert agent.acknowledge(execution_id).status == 200
                assert agent.report(execution_id, exit_code=0).status == 200
        rows = site.client.get("/api/v1/command_executions", query={"status": "completed"})
        assert rows.json["meta"]["pagination"]["total_count"] == 60
        site.settle(relayed=True)
        sent = [one["type"] for one in site.world.bus_client.envelopes if "command_execution" in one["type"]]
        kinds = Counter(sent)
        assert kinds == {"edge.command_execution.sent": 60, "edge.command_execution.completed": 60}

    def test_deadline_during_a_lost_stream_is_kept(self):
        site = Site(3)
        site.command(minutes=HOUR_MINUTES)
        site.lose_stream()
        site.pass_minutes(3 * HOUR_MINUTES, relayed=False)
        assert [row["status"] for row in site.world.driver.rows(EXECUTIONS)] == ["expired"] * 3
        assert site.due() == []

    def test_command_deleted_in_a_lost_stream_loses_its_executions(self):
        site = Site(3)
        command_id = site.command()
        site.settle(relayed=True)
        for agent in site.agents:
            (execution_id,) = agent.waiting()
            agent.report(execution_id, exit_code=0)
        assert site.client.delete(f"/api/v1/commands/{command_id}").status == 204
        site.lose_stream()
        site.pass_minutes(HOUR_MINUTES, relayed=False)
        assert site.world.driver.rows(EXECUTIONS) == []
        assert site.world.driver.rows(FAN_OUTS) == []

    def test_totals_after_a_lost_stream_are_corrected_by_a_recount(self, site):
        counters = site.world.platform.counters
        assert (counters.read("executions"), counters.read("nodes#status#unreachable")) == (0, 0)
        site.world.sweep("recount")
        expected = {
            "clusters": 1,
            "enrollment_keys": 1,
            "nodes": 30,
            "nodes#status#unreachable": 30,
            "commands": 2,
            "executions": 60,
            "executions#status#pending": 60,
        }
        assert {total: counters.read(total) for total in TOTALS} == dict.fromkeys(TOTALS, 0) | expected

"""The whole agent on ports in memory: no process, no thread, no file, no socket, and no real wait."""

import json
import threading
import time

import pytest
from edge_agent.errors import NetworkError

from samples.agent.tests.support.memory_machine import HOUR, STATE, Machine, final, server_without_sockets


@pytest.fixture
def server():
    return server_without_sockets()


@pytest.fixture(autouse=True)
def no_real_wait(monkeypatch):
    test, sleep = threading.current_thread(), time.sleep

    def refuse(seconds):
        if threading.current_thread() is test:
            raise AssertionError("a real wait")
        sleep(seconds)  # of another thread of this process, as an emulator's

    monkeypatch.setattr(time, "sleep", refuse)


@pytest.fixture
def machine(server):
    return Machine(server)


@pytest.mark.parametrize("websocket", [True, False])
def test_command_of_connected_or_polling_agent_is_run_and_reported(server, machine, websocket):
    server.websocket = websocket
    execution_id = server.add("1800 3 half an hour later")
    ports = machine.run(final(server, execution_id))
    item = server.final(execution_id)
    assert (item["status"], item["exit_code"], item["output"]) == ("completed", 3, "half an hour later")
    assert ports.clock.monotonic() >= HOUR / 2
    assert bool(machine.logged("websocket.connected")) is websocket


def test_command_above_its_timeout_is_killed(server, machine):
    execution_id = server.add("7200 0 too late", timeout=int(HOUR * 1000))
    machine.run(final(server, execution_id))
    item = server.final(execution_id)
    assert item["exit_code"] == 124
    assert "timed out" in item["output"]


def test_command_running_during_power_cut_is_reported_and_not_run_again(server, machine):
    execution_id = server.add("7200 0 never")

    async def power_cut(ports):
        while not ports.processes.started:
            await ports.clock.sleep(1)
        machine.disk = ports.disk.after_power_cut()

    machine.run(power_cut)
    ports = machine.run(final(server, execution_id))
    item = server.final(execution_id)
    assert (item["exit_code"], item["output"]) == (125, "The agent stopped while this command ran\n")
    assert ports.processes.started == []


def test_execution_that_the_original_of_a_copied_disk_finished_is_not_run(server, machine):
    execution_ids = [server.add(f"{seconds} 0 x") for seconds in (60, 60, 60, 60, 1)]

    async def copy(ports):
        while len(ports.processes.started) < 4:
            await ports.clock.sleep(1)
        machine.disk = ports.disk.after_power_cut()
        await final(server, execution_ids[4])(ports)

    machine.run(copy)
    ports = machine.run(lambda ports: ports.clock.sleep(HOUR))
    assert ports.processes.started == []
    assert [each["execution_id"] for each in machine.logged("execution.not_listed")] == execution_ids[4:]
    journal = ports.disk.read(STATE / "journal.jsonl").splitlines()
    assert [json.loads(line)["state"] for line in journal if execution_ids[4].encode() in line][-1] == "settled"


def test_execution_accepted_before_a_power_cut_runs_when_the_list_shows_it_late(server, machine):
    execution_ids = [server.add(f"{seconds} 0 x") for seconds in (7200, 7200, 7200, 7200, 1)]

    async def power_cut(ports):
        while len(ports.processes.started) < 4:
            await ports.clock.sleep(1)
        machine.disk = ports.disk.after_power_cut()
        server.hide_sent = True

    async def later(ports):
        await ports.clock.sleep(5)
        assert ports.processes.started == []
        server.hide_sent = False
        await final(server, execution_ids[4])(ports)

    machine.run(power_cut)
    machine.run(later)
    assert server.final(execution_ids[4])["exit_code"] == 0


def test_result_without_a_reachable_server_is_reported_when_it_is_back(server, machine):
    execution_id = server.add("60 0 kept")

    async def outage(ports):
        while not ports.processes.started:
            await ports.clock.sleep(1)
        server.down = True
        await ports.clock.sleep(10 * HOUR)
        assert server.final(execution_id) is None
        server.down = False
        await final(server, execution_id)(ports)

    machine.run(outage)
    assert server.final(execution_id)["output"] == "kept"


def test_full_disk_keeps_commands_pending_until_there_is_space(server, machine):
    async def scenario(ports):
        await ports.clock.sleep(10)
        ports.disk.is_full = True
        execution_id = server.add("1 0 done", wake=True)
        await ports.clock.sleep(HOUR)
        assert server.executions[execution_id]["status"] == "pending"
        ports.disk.is_full = False
        await final(server, execution_id)(ports)

    machine.run(scenario)
    assert machine.logged("poll.failed")


def test_agent_that_started_on_a_full_disk_is_healthy_minutes_after_there_is_space(server, machine):
    async def enrol(ports):
        await ports.clock.sleep(10)
        machine.disk = ports.disk.after_power_cut()
        machine.disk.is_full = True

    async def scenario(ports):
        await ports.clock.sleep(HOUR)
        ports.disk.is_full = False
        await ports.clock.sleep(180)

    machine.run(enrol)
    machine.run(scenario)
    assert [report["status"] for report in machine.logged("health.reported")][-1] == "healthy"


def test_health_report_whose_answer_was_lost_is_followed_by_the_truth(server, machine):
    reports = []
    handle = server.handle

    def lose_the_first(method, path, query, content, token):
        answer = handle(method, path, query, content, token)
        if path.endswith("/health_check"):
            reports.append(content["status"])
            if len(reports) == 1:
                raise NetworkError("the answer is lost")
        return answer

    server.handle = lose_the_first

    async def scenario(ports):
        await ports.clock.sleep(10)
        ports.disk.is_full = True
        await ports.clock.sleep(HOUR)
        ports.disk.is_full = False
        await ports.clock.sleep(HOUR)

    machine.run(scenario)
    assert reports[0] == "unhealthy"
    assert reports[-1] == "healthy"


def test_runs_with_the_same_seed_are_identical():
    def log_of_a_run():
        server = server_without_sockets()
        machine = Machine(server)
        execution_ids = [server.add(f"{number} 0 x", timeout=5000) for number in range(10)]

        async def scenario(ports):
            await ports.clock.sleep(1)
            server.down = True
            server.disconnect()
            await ports.clock.sleep(HOUR)
            server.down = False
            for execution_id in execution_ids:
                await final(server, execution_id)(ports)

        machine.run(scenario)
        text = machine.log.getvalue()
        for number, execution_id in enumerate(execution_ids):
            text = text.replace(execution_id, str(number))
        return text

    first = log_of_a_run()
    assert first.count("execution.reported") == 10
    assert first.count("poll.failed") > 1
    assert log_of_a_run() == first

import re
import signal

import pytest
from edge_agent import __version__

from samples.agent.tests.support.eventually import eventually


def done(server, execution_id, agent):
    return eventually(lambda: server.final(execution_id), what=agent.stderr)


def test_command_announced_by_a_wake_up_is_run_and_reported(server, agents):
    agent = agents.connected()
    execution_id = server.add("echo one; echo two >&2; echo three; exit 3", wake=True)

    item = done(server, execution_id, agent)

    assert (item["status"], item["exit_code"]) == ("completed", 3)
    assert item["output"] == "one\ntwo\nthree\n"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", item["completed_at"])
    agent.wait_for("execution.reported")
    steps = ["wake_up", "fetched", "acknowledged", "started", "finished", "reported"]
    times = [agent.logged(f"execution.{step}", execution_id=execution_id)[0]["at"] for step in steps]
    assert times == sorted(times)


def test_command_without_a_socket_is_found_by_polling(server, agents):
    server.websocket = False
    server.poll_seconds = 0.2
    agent = agents.start()
    agent.wait_for("agent.enrolled")
    assert done(server, server.add("echo polled"), agent)["output"] == "polled\n"
    assert not agent.logged("websocket.connected")


def test_command_created_during_a_disconnection_is_fetched_on_reconnect(server, agents):
    agent = agents.connected()
    server.disconnect()
    agent.wait_for("websocket.closed")
    execution_id = server.add("echo waited")
    assert done(server, execution_id, agent)["output"] == "waited\n"
    eventually(lambda: len(agent.logged("websocket.connected")) == 2 and server.connections, what="a reconnect")
    assert done(server, server.add("echo again", wake=True), agent)["output"] == "again\n"


def test_command_can_start_the_program_of_its_agent_from_anywhere(server, agents):
    agent = agents.connected()
    execution_id = server.add('cd / && $EDGE_AGENT --version && echo "$EDGE_AGENT_STATE_DIR"', wake=True)
    assert done(server, execution_id, agent)["output"] == f"{__version__}\n{agents.state_dir}\n"


def test_unknown_frames_are_ignored(server, agents):
    agent = agents.connected()
    for frame in ("no json", b"\xff", [], {"type": "news", "ids": ["x"]}, {"type": "executions"}, {"ids": [7]}):
        server.send(frame)
    server.send({"type": "executions", "ids": [7, None]})
    assert done(server, server.add("true", wake=True), agent)["exit_code"] == 0
    assert len(agent.logged("websocket.connected")) == 1


def test_announced_execution_missing_from_a_lagging_list_is_looked_up_again(server, agents):
    agent = agents.connected()
    execution_id = server.add("true", wake=True, shown_as="nothing yet")
    agent.wait_for("execution.wake_up", execution_id=execution_id)
    asked = len(server.seen("GET", "/agents/command_executions"))
    eventually(lambda: len(server.seen("GET", "/agents/command_executions")) > asked, what="a second look")
    del server.executions[execution_id]["shown_as"]
    assert done(server, execution_id, agent)["exit_code"] == 0


def test_acknowledgement_without_an_answer_loses_no_command(server, agents, tmp_path):
    agent = agents.connected()
    server.fail("PATCH", "/agents/command_executions/[^/]+/acknowledge", times=2, processed=True)
    execution_id = server.add(f"echo ran >> {tmp_path}/runs", wake=True)
    assert done(server, execution_id, agent)["exit_code"] == 0
    assert (tmp_path / "runs").read_text() == "ran\n"


@pytest.mark.parametrize("status", [404, 409])
def test_execution_whose_acknowledgement_is_refused_is_not_run(server, agents, status):
    agent = agents.connected()
    taken_back = server.add("true", status="cancelled", shown_as="pending")
    server.fail("PATCH", f"/agents/command_executions/{taken_back}/acknowledge", times=99, status=status)
    server.send({"type": "executions", "ids": [taken_back]})
    agent.wait_for("execution.not_given", execution_id=taken_back)
    assert done(server, server.add("true", wake=True), agent)["exit_code"] == 0
    assert not agent.logged("execution.started", execution_id=taken_back)


def test_executions_beyond_a_page_and_the_limit_ahead_all_run(server, agents):
    ids = [server.add("true") for _ in range(230)]
    agent = agents.start("--max-parallel", "8")
    eventually(lambda: all(server.final(execution_id) for execution_id in ids), seconds=120, what=agent.stderr)
    assert {server.executions[execution_id]["exit_code"] for execution_id in ids} == {0}


def test_unreadable_execution_delays_no_other(server, agents, tmp_path):
    server.add("true", id="../../escape")
    server.add("true", timeout="soon")
    agent = agents.connected()
    assert done(server, server.add("true", wake=True), agent)["exit_code"] == 0
    assert len(agent.logged("execution.unreadable")) >= 2


def test_command_has_empty_input_and_leads_its_own_group(server, agents):
    agent = agents.connected()
    item = done(server, server.add("cat; cut -d' ' -f1,5,6 /proc/$$/stat", wake=True), agent)
    pid, group, session = item["output"].split()
    assert pid == group == session


def test_output_above_the_limit_is_truncated_in_the_middle(server, agents):
    agent = agents.connected()
    item = done(server, server.add("echo first; yes | head -c 3000000; echo last", wake=True), agent)
    output = item["output"]
    assert len(output.encode()) <= 256 * 1024
    assert output.startswith("first\ny\n")
    assert output.endswith("y\nlast\n")
    marker = re.search(r"\n\[(\d+) bytes of output dropped\]\n", output)
    assert int(marker[1]) == 3_000_011 - (len(output) - len(marker[0]))


def test_output_that_is_not_utf_8_is_replaced(server, agents):
    agent = agents.connected()
    item = done(server, server.add(r"printf '\377\376ok\303\244'", wake=True), agent)
    assert item["output"] == "\ufffd\ufffdokä"


def test_command_above_its_timeout_is_killed_with_its_group(server, agents):
    agent = agents.connected()
    execution_id = server.add("(sleep 300; true) & echo begun; sleep 300", timeout=300, wake=True)
    item = done(server, execution_id, agent)
    assert (item["status"], item["exit_code"]) == ("completed", 124)
    # On a busy machine it is killed before it has begun.
    assert item["output"].removeprefix("begun\n") == "Command timed out after 300 milliseconds\n"
    eventually(lambda: agents.processes() == [agent.process.pid], what="the end of the group")


def test_cancelled_command_has_time_to_clean_up(server, agents, tmp_path):
    agent = agents.connected()
    ready = tmp_path / "ready"
    execution_id = server.add(
        f"trap 'echo tidied; exit 9' TERM; touch {ready}; while :; do sleep 0.02; done", wake=True
    )
    eventually(ready.exists, what="the trap")
    server.cancel(execution_id)
    item = done(server, execution_id, agent)
    assert (item["status"], item["exit_code"]) == ("cancelled", 143)
    assert item["output"].endswith("tidied\nCommand cancelled\n")


def test_cancelled_command_that_ignores_the_signal_is_killed_with_its_group(server, agents, tmp_path):
    agent = agents.connected("--cancel-grace-seconds", "0.2")
    ready = tmp_path / "ready"
    execution_id = server.add(f"trap '' TERM; sleep 300 & touch {ready}; while :; do sleep 0.02; done", wake=True)
    eventually(ready.exists, what="the trap")
    server.cancel(execution_id)
    assert done(server, execution_id, agent)["exit_code"] == 143
    eventually(lambda: agents.processes() == [agent.process.pid], what="the end of the group")


def test_cancellation_without_a_wake_up_is_found_by_polling(server, agents):
    server.websocket = False
    server.poll_seconds = 0.2
    agent = agents.start()
    execution_id = server.add("sleep 300")
    agent.wait_for("execution.started")
    server.cancel(execution_id, wake=False)
    assert done(server, execution_id, agent)["status"] == "cancelled"


def test_command_that_ended_before_its_cancellation_keeps_its_result(server, agents):
    agent = agents.connected()
    execution_id = server.add("exit 5", wake=True)
    agent.wait_for("execution.reported")
    server.cancel(execution_id)
    assert done(server, server.add("true", wake=True), agent)["exit_code"] == 0
    assert (server.executions[execution_id]["status"], len(server.results(execution_id))) == ("completed", 1)


def test_commands_above_the_parallel_limit_wait_and_can_be_cancelled(server, agents, tmp_path):
    agent = agents.connected("--max-parallel", "2")
    release = tmp_path / "release"
    ids = [server.add(f"while [ ! -e {release} ]; do sleep 0.02; done") for _ in range(5)]
    server.send({"type": "executions", "ids": ids})
    eventually(lambda: all(server.executions[each]["status"] == "sent" for each in ids), what="acknowledgements")
    eventually(lambda: len(agent.logged("execution.started")) == 2, what="two starts")
    server.cancel(ids[4])
    assert done(server, ids[4], agent)["exit_code"] == 143
    release.touch()
    assert [done(server, each, agent)["exit_code"] for each in ids[:4]] == [0, 0, 0, 0]
    assert not agent.logged("execution.started", execution_id=ids[4])
    running = 0
    for event in agent.events:
        running += {"execution.started": 1, "execution.finished": -1}.get(event["event"], 0)
        assert running <= 2


def test_background_process_that_holds_the_output_is_killed(server, agents):
    agent = agents.connected()
    item = done(server, server.add("sleep 300 & echo started; exit 4", wake=True), agent)
    assert item["exit_code"] == 4
    assert item["output"] == "started\nBackground processes that held the output open were killed\n"
    eventually(lambda: agents.processes() == [agent.process.pid], what="the end of the group")


def test_background_process_that_closed_the_output_survives(server, agents, tmp_path):
    agent = agents.connected()
    alive, end = tmp_path / "alive", tmp_path / "end"
    loop = f"(while [ ! -e {end} ]; do sleep 0.02; done; touch {alive})"
    assert done(server, server.add(f"{loop} > /dev/null 2>&1 &", wake=True), agent)["exit_code"] == 0
    end.touch()
    eventually(alive.exists, what="the background process")


def test_command_past_its_deadline_is_reported_expired(server, agents):
    agent = agents.connected()
    execution_id = server.add("true", expired_at="2020-01-01T00:00:00Z", wake=True)
    assert done(server, execution_id, agent)["status"] == "expired"
    assert set(server.results(execution_id)[0]) == {"status", "completed_at"}
    assert not agent.logged("execution.started")


@pytest.mark.parametrize("text", ["echo a\0b", "true " + "x" * 140_000], ids=["nul", "too-long"])
def test_command_that_cannot_be_started_is_reported(server, agents, text):
    agent = agents.connected()
    item = done(server, server.add(text, wake=True), agent)
    assert item["exit_code"] == 126
    assert item["output"].startswith("The command could not be started: ")


def test_command_has_default_signals_even_if_the_launcher_ignores_them(server, agents):
    agent = agents.connected(ignored_signals="HUP INT QUIT USR1 CHLD")
    text = 'for name in HUP INT QUIT USR1; do trap "echo $name" $name; kill -$name $$; done; exit 3'
    item = done(server, server.add(text, wake=True), agent)
    assert (item["output"].split(), item["exit_code"]) == (["HUP", "INT", "QUIT", "USR1"], 3)
    agent.process.send_signal(signal.SIGHUP)
    assert done(server, server.add("true", wake=True), agent)["exit_code"] == 0


def test_command_whose_spool_cannot_be_created_is_not_started(server, agents, tmp_path):
    agent = agents.connected()
    execution_id = server.add("true")
    (agents.state_dir / "spool" / execution_id).symlink_to(tmp_path / "nowhere" / "at all")
    server.send({"type": "executions", "ids": [execution_id]})
    item = done(server, execution_id, agent)
    assert item["exit_code"] == 126
    assert item["output"].startswith("The command could not be started: ")
    assert done(server, server.add("echo next", wake=True), agent)["output"] == "next\n"


def test_command_killed_by_a_signal_has_exit_code_128_plus_signal(server, agents):
    agent = agents.connected()
    assert done(server, server.add("kill -9 $$", wake=True), agent)["exit_code"] == 137


@pytest.mark.parametrize("text", ["-x", "+x", "--version", "-"])
def test_command_text_that_starts_with_a_dash_is_run(server, agents, text):
    agent = agents.connected()
    item = done(server, server.add(f"{text} 2>/dev/null; echo $?", wake=True), agent)
    assert (item["exit_code"], item["output"]) == (0, "127\n")


def test_process_outside_the_group_that_holds_the_output_is_noted_and_not_killed(server, agents, tmp_path):
    agent = agents.connected()
    waiter = f"while [ ! -e {tmp_path}/release ]; do sleep 0.02; done; touch {tmp_path}/lived"
    text = f"setsid sh -c '{waiter}' & echo started"
    item = done(server, server.add(text, wake=True), agent)
    assert item["exit_code"] == 0
    assert item["output"].startswith("started\n")
    assert "were not killed" in item["output"]
    (tmp_path / "release").touch()
    eventually((tmp_path / "lived").exists, what="its end by itself")

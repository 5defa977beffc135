"""Outputs that the server asks for while their commands run."""

import json

import pytest
from edge_agent.tails import FRAME_BYTES, TEXT_BYTES

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.memory_machine import Machine, final, server_without_sockets


@pytest.fixture
def machine():
    return Machine(server_without_sockets())


def ask(server, execution_id, *, tail="tail-1", seconds=120):
    server.send({"type": "tail", "tail": tail, "execution_id": execution_id, "seconds": seconds})


def frames(ports, tail="tail-1"):
    return [frame for frame in ports.network.sent if frame["tail"] == tail]


def text_of(found):
    return "".join(frame["text"] for frame in found)


def watched(machine, scenario, command="600 0 the end"):
    """Run a scenario with a command that runs, beside an agent that is connected; returns the ports."""
    server = machine.server
    execution_id = server.add(command)

    async def run(ports):
        while not ports.processes.programs:
            await ports.clock.sleep(1)
        await scenario(ports, ports.processes.programs[0], execution_id)

    return machine.run(run)


def test_nothing_is_sent_unless_it_is_asked_for(machine):
    async def scenario(ports, program, execution_id):
        program.write("out\n")
        await final(machine.server, execution_id)(ports)

    assert watched(machine, scenario).network.sent == []


def test_output_is_sent_as_it_comes_from_its_beginning_to_its_end(machine):
    async def scenario(ports, program, execution_id):
        program.write("before\n")
        ask(machine.server, execution_id)
        await ports.clock.sleep(5)
        program.write("one\n")
        await ports.clock.sleep(5)
        program.write("two\n")
        ask(machine.server, execution_id, seconds=1000)
        await final(machine.server, execution_id)(ports)
        await ports.clock.sleep(5)

    found = frames(watched(machine, scenario))
    assert text_of(found) == "before\none\ntwo\nthe end"
    assert [frame["sequence"] for frame in found] == [1, 2, 3, 4, 5]
    assert [frame["skipped"] for frame in found] == [0, 0, 0, 0, 0]
    assert [frame["is_end"] for frame in found] == [False, False, False, False, True]


def test_chatty_command_sends_a_frame_a_second_and_says_what_it_left_out(machine):
    lines = [f"{number:07}\n" for number in range(100_000)]

    async def scenario(ports, program, execution_id):
        ask(machine.server, execution_id)
        await ports.clock.sleep(1)
        for start in range(0, len(lines), 1000):
            program.write("".join(lines[start : start + 1000]))
            await ports.clock.sleep(0.1)
        await final(machine.server, execution_id)(ports)
        await ports.clock.sleep(5)

    found = frames(watched(machine, scenario, "100 0 "))
    assert len(found) <= 15
    assert all(len(json.dumps(frame)) <= FRAME_BYTES for frame in found)
    assert sum(frame["skipped"] + len(frame["text"]) for frame in found) == len("".join(lines))
    assert text_of(found).endswith(lines[-1])


def test_tail_that_begins_late_starts_with_the_newest_output(machine):
    async def scenario(ports, program, execution_id):
        program.write("x" * 1_000_000)
        program.write("newest")
        ask(machine.server, execution_id)
        await ports.clock.sleep(5)

    [found] = frames(watched(machine, scenario))
    assert found["text"].endswith("xnewest")
    assert found["skipped"] + len(found["text"]) == 1_000_006


@pytest.mark.parametrize("unit", ["\x01", "é", "€", "𝄞", '"'])
def test_any_text_fits_its_frame_with_whole_characters(machine, unit):
    async def scenario(ports, program, execution_id):
        ask(machine.server, execution_id)
        await ports.clock.sleep(1)
        program.write("x" + unit * 20_000)
        await ports.clock.sleep(5)

    found = frames(watched(machine, scenario))
    assert all(len(json.dumps(frame)) <= FRAME_BYTES for frame in found)
    assert "\ufffd" not in text_of(found)
    total = sum(frame["skipped"] + len(frame["text"].encode()) for frame in found)
    assert total == len(("x" + unit * 20_000).encode())


def test_character_in_two_pieces_is_sent_whole(machine):
    async def scenario(ports, program, execution_id):
        ask(machine.server, execution_id)
        await ports.clock.sleep(1)
        program.write_bytes("€".encode()[:2])
        await ports.clock.sleep(5)
        program.write_bytes("€".encode()[2:])
        await ports.clock.sleep(5)

    assert text_of(frames(watched(machine, scenario))) == "€"


def test_agent_stops_when_it_is_not_asked_again_and_when_it_is_told(machine):
    async def scenario(ports, program, execution_id):
        ask(machine.server, execution_id, tail="forgotten", seconds=100)
        ask(machine.server, execution_id, tail="stopped", seconds=100)
        await ports.clock.sleep(5)
        ask(machine.server, execution_id, tail="stopped", seconds=0)
        program.write("first\n")
        await ports.clock.sleep(110)
        program.write("second\n")
        await ports.clock.sleep(5)

    ports = watched(machine, scenario)
    assert text_of(frames(ports, "forgotten")) == "first\n"
    assert text_of(frames(ports, "stopped")) == ""
    assert len(machine.logged("tail.ended")) == 2


def test_execution_may_be_asked_for_before_it_comes_and_after_it_has_ended(machine):
    server = machine.server
    execution_id = server.add("1 0 done", status="elsewhere")

    async def scenario(ports):
        await ports.clock.sleep(5)
        ask(server, execution_id)
        await ports.clock.sleep(5)
        server.executions[execution_id]["status"] = "pending"
        server.send({"type": "executions", "ids": [execution_id]})
        await final(server, execution_id)(ports)
        await ports.clock.sleep(5)
        ask(server, execution_id, tail="late")
        await ports.clock.sleep(5)

    ports = machine.run(scenario)
    assert text_of(frames(ports)) == "done"
    assert frames(ports)[-1]["is_end"]
    assert [(frame["text"], frame["is_end"]) for frame in frames(ports, "late")] == [("", True)]


def test_tails_beyond_a_few_are_not_begun(machine):
    async def scenario(ports, program, execution_id):
        for number in range(20):
            ask(machine.server, execution_id, tail=f"tail-{number}")
        await ports.clock.sleep(5)
        program.write("out\n")
        await ports.clock.sleep(5)

    assert len({frame["tail"] for frame in watched(machine, scenario).network.sent}) == 8


def test_lost_socket_ends_a_tail_and_the_next_request_begins_it_again(machine):
    async def scenario(ports, program, execution_id):
        ask(machine.server, execution_id)
        program.write("one\n")
        await ports.clock.sleep(5)
        machine.server.disconnect()
        program.write("two\n")
        await ports.clock.sleep(60)
        ask(machine.server, execution_id)
        await ports.clock.sleep(5)

    found = frames(watched(machine, scenario))
    assert [frame["sequence"] for frame in found] == [1, 1]
    assert found[-1]["text"] == "one\ntwo\n"


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"tail": 1, "execution_id": "x", "seconds": 1},
        {"tail": "x", "seconds": 1},
        {"tail": "x", "execution_id": "y", "seconds": "1"},
    ],
    ids=str,
)
def test_request_of_no_valid_form_is_ignored(machine, frame):
    async def scenario(ports, program, execution_id):
        machine.server.send({"type": "tail", **frame})
        await ports.clock.sleep(5)
        ask(machine.server, execution_id)
        program.write("out\n")
        await ports.clock.sleep(5)

    assert text_of(watched(machine, scenario).network.sent) == "out\n"


def test_running_command_of_a_real_agent_is_watched(agents):
    server = agents.server
    agent = agents.connected()
    execution_id = server.add("echo first; sleep 1; echo second; sleep 1", wake=True)
    agent.wait_for("execution.started")
    ask(server, execution_id)

    def sent():
        return [frame for frame in map(json.loads, server.frames) if frame["type"] == "tail"]

    eventually(lambda: any(frame["is_end"] for frame in sent()), what=agent.stderr)
    assert text_of(sent()) == "first\nsecond\n"
    assert max(len(frame["text"]) for frame in sent()) <= TEXT_BYTES

"""Outputs that no result can hold: kept whole on disk, uploaded, and named by their results."""

import asyncio
import gzip
import random
from pathlib import PurePath

import pytest
from edge_agent.command_output import CommandOutput
from edge_agent.spool import SPOOLED_BYTES, read_output
from edge_agent.whole_outputs import OutputLimits, WholeOutputs

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.memory_machine import HOUR, STATE, Machine, final, server_without_sockets
from samples.agent.tests.support.memory_ports import InlineThreads, MemoryDisk

LONG = "".join(random.Random(1).choices("abcdefgh \n", k=1_000_000))
BINARY_LOOKING = "\x01" * 200_000
"""Shorter than the spool, and too long as JSON."""


@pytest.fixture
def machine():
    return Machine(server_without_sockets())


def kept(machine_or_ports):
    return machine_or_ports.disk.files(STATE / "outputs")


@pytest.mark.parametrize("text", [LONG, BINARY_LOOKING], ids=["long", "many control characters"])
def test_output_beyond_a_result_is_uploaded_and_named_by_the_result(machine, text):
    server = machine.server
    execution_id = server.add(f"1 3 {text}")
    ports = machine.run(final(server, execution_id))
    item = server.final(execution_id)
    assert "bytes of output dropped" in item["output"]
    assert (item["exit_code"], item["output_size"]) == (3, len(text))
    assert server.whole_output(execution_id).decode() == text
    assert kept(ports) == []


def test_output_that_fits_a_result_is_not_uploaded(machine):
    server = machine.server
    execution_id = server.add(f"1 0 {LONG[:SPOOLED_BYTES]}")
    machine.run(final(server, execution_id))
    assert server.final(execution_id)["output"] == LONG[:SPOOLED_BYTES]
    assert "output_size" not in server.final(execution_id)
    assert server.stored == {}


def test_server_that_takes_no_outputs_gets_the_result_as_ever(machine):
    server = machine.server
    server.stored = None
    execution_id = server.add(f"1 0 {LONG}")
    ports = machine.run(final(server, execution_id))
    assert "bytes of output dropped" in server.final(execution_id)["output"]
    assert kept(ports) == []
    assert machine.logged("execution.output_cut")


@pytest.mark.parametrize("status", [403, 500])
def test_refused_upload_costs_no_result(machine, status):
    server = machine.server
    server.store_status = status
    execution_id = server.add(f"1 0 {LONG}")
    machine.run(final(server, execution_id))
    item = server.final(execution_id)
    assert item["output_size"] == len(LONG)
    assert "output_ref" not in item
    assert "very-secret" not in machine.log.getvalue()


def test_store_that_cannot_be_reached_delays_a_result_for_minutes_and_others_not_at_all(machine):
    server = machine.server
    execution_id, other_id = server.add(f"1 0 {LONG}"), server.add("1 0 short")

    async def scenario(ports):
        ports.network.store_is_away = True
        await final(server, other_id)(ports)
        assert ports.clock.monotonic() < 10
        assert server.final(execution_id) is None
        await final(server, execution_id)(ports)
        assert ports.clock.monotonic() < HOUR / 4

    machine.run(scenario)
    assert server.final(execution_id)["output_size"] == len(LONG)


def test_outputs_that_wait_for_each_other_find_out_together_that_the_store_is_away(machine):
    server = machine.server
    execution_ids = [server.add(f"1 0 {LONG}") for _ in range(12)]

    async def scenario(ports):
        ports.network.store_is_away = True
        for execution_id in execution_ids:
            await final(server, execution_id)(ports)
        assert ports.clock.monotonic() < HOUR / 4
        ports.network.store_is_away = False
        await ports.clock.sleep(HOUR / 4)
        late = server.add(f"1 0 {LONG}", wake=True)
        await final(server, late)(ports)
        assert server.whole_output(late).decode() == LONG

    machine.run(scenario)
    assert {server.final(execution_id)["output_size"] for execution_id in execution_ids} == {len(LONG)}


def test_output_is_uploaded_after_an_outage_of_hours(machine):
    server = machine.server
    execution_id = server.add(f"60 0 {LONG}")

    async def outage(ports):
        while not ports.processes.started:
            await ports.clock.sleep(1)
        server.down = True
        await ports.clock.sleep(3 * HOUR)
        server.down = False
        await final(server, execution_id)(ports)

    machine.run(outage)
    assert server.whole_output(execution_id).decode() == LONG


def test_server_that_answers_everything_but_uploads_gets_the_result_as_ever(machine):
    server = machine.server
    execution_id = server.add(f"1 0 {LONG}")
    server.offers_uploads = False
    machine.run(final(server, execution_id))
    assert server.final(execution_id)["exit_code"] == 0
    assert "output_size" not in server.final(execution_id)


def test_output_survives_a_power_cut_before_its_report(machine):
    server = machine.server
    execution_id = server.add(f"60 0 {LONG}")

    async def power_cut(ports):
        while not ports.processes.started:
            await ports.clock.sleep(1)
        server.down = True
        await ports.clock.sleep(HOUR)
        machine.disk = ports.disk.after_power_cut()

    machine.run(power_cut)
    server.down = False
    ports = machine.run(final(server, execution_id))
    assert server.whole_output(execution_id).decode() == LONG
    assert kept(ports) == []


def test_output_that_is_uploaded_twice_is_one_object(machine):
    """As after a crash between the upload and the report of its result."""
    server = machine.server
    execution_id = server.add(f"1 0 {LONG}")

    async def crash(ports):
        while not server.stored:
            await ports.clock.sleep(0.01)
        server.down = True
        await ports.clock.sleep(60)
        machine.disk = ports.disk.after_power_cut()

    machine.run(crash)
    server.down = False
    machine.run(final(server, execution_id))
    assert len(server.stored[execution_id]) == 2
    assert server.whole_output(execution_id).decode() == LONG


def test_full_disk_keeps_the_ends_and_the_result(machine):
    server = machine.server
    execution_id = server.add(f"60 0 {LONG}")

    async def scenario(ports):
        while not ports.processes.started:
            await ports.clock.sleep(1)
        ports.disk.free_bytes = lambda _path: 1000
        await final(server, execution_id)(ports)

    ports = machine.run(scenario)
    item = server.final(execution_id)
    assert item["exit_code"] == 0
    assert item["output"].startswith(LONG[:1000])
    assert item["output"].endswith(LONG[-1000:])
    assert (server.stored, kept(ports)) == ({}, [])


def test_outputs_that_nobody_waits_for_are_removed_at_the_start(machine):

    async def leave_one(ports):
        await ports.clock.sleep(10)
        ports.disk.write(STATE / "outputs" / "00000000-0000-4000-8000-000000000001", b"left")
        ports.disk.sync_folder(STATE / "outputs")
        machine.disk = ports.disk.after_power_cut()

    async def nothing(ports):
        await ports.clock.sleep(10)

    machine.run(leave_one)
    assert kept(machine.run(nothing)) == []


FOLDER = PurePath("/outputs")
SPOOLS = PurePath("/spools")


def written(disk, wholes, execution_id, *chunks):
    output = CommandOutput(execution_id, SPOOLS, disk, wholes)
    for chunk in chunks:
        output.append(chunk)
    output.sync_ends()
    asyncio.run(output.sync_whole(InlineThreads()))
    output.close()
    return output


@pytest.mark.parametrize("chunk", [1000, 65536, 10_000_000])
def test_whole_output_is_what_was_written_and_ordinary_ones_write_nothing_twice(chunk):
    disk = MemoryDisk()
    wholes, content = WholeOutputs(FOLDER, disk), LONG.encode()
    written(disk, wholes, "long", *(content[start : start + chunk] for start in range(0, len(content), chunk)))
    written(disk, wholes, "short", content[:SPOOLED_BYTES])
    assert b"".join(wholes.pieces("long")) == content
    assert disk.files(FOLDER) == ["long"]
    assert read_output(disk, SPOOLS / "long", ()).total == len(content)


@pytest.mark.parametrize(
    "limits",
    [OutputLimits(one_bytes=900_000), OutputLimits(all_bytes=1_500_000)],
    ids=["one is too long", "all together are too long"],
)
def test_output_beyond_a_limit_is_dropped_and_frees_its_room(limits):
    disk = MemoryDisk()
    wholes = WholeOutputs(FOLDER, disk, limits)
    written(disk, wholes, "first", LONG[:800_000].encode())
    second = written(disk, wholes, "second", LONG[:500_000].encode(), LONG[500_000:].encode())
    assert second.not_whole is not None
    assert second.failure is None
    assert disk.files(FOLDER) == ["first"]
    wholes.remove("first")
    assert written(disk, wholes, "third", LONG[:800_000].encode()).not_whole is None


def test_outputs_of_the_process_before_count_against_the_limit():
    disk = MemoryDisk()
    written(disk, WholeOutputs(FOLDER, disk), "first", LONG.encode())
    wholes = WholeOutputs(FOLDER, disk, OutputLimits(all_bytes=1_500_000))
    assert written(disk, wholes, "second", LONG.encode()).not_whole is not None


def test_disk_that_fails_while_it_is_written_drops_the_whole_and_keeps_the_command():
    disk = MemoryDisk()
    wholes = WholeOutputs(FOLDER, disk)
    output = CommandOutput("one", SPOOLS, disk, wholes)
    output.append(LONG.encode())
    disk.is_full = True
    output.append(b"more")
    assert output.not_whole == "OSError: No space left on device"
    assert output.failure == "No space left on device"
    assert disk.files(FOLDER) == []


def test_long_output_of_a_real_command_arrives_byte_for_byte(agents):
    server = agents.server
    agent = agents.connected()
    execution_id = server.add("seq 1 300000; printf '\\377\\000'; exit 4", wake=True)
    item = eventually(lambda: server.final(execution_id), what=agent.stderr)
    expected = "".join(f"{number}\n" for number in range(1, 300_001)).encode() + b"\xff\x00"
    assert item["exit_code"] == 4
    assert item["output_size"] == len(expected)
    assert gzip.decompress(server.stored[execution_id][0]) == expected
    eventually(lambda: list((agents.state_dir / "outputs").iterdir()) == [], what="the removal of the output")


def test_output_of_a_command_that_ran_as_the_agent_was_killed_is_uploaded_as_far_as_it_came(agents):
    server = agents.server
    agent = agents.connected()
    execution_id = server.add("seq 1 100000; sleep 600", wake=True)
    whole = agents.state_dir / "outputs" / execution_id
    expected = "".join(f"{number}\n" for number in range(1, 100_001)).encode()
    eventually(lambda: whole.exists() and whole.stat().st_size == len(expected), what=agent.stderr)
    agent.stop(9)
    agent = agents.start()
    item = eventually(lambda: server.final(execution_id), what=agent.stderr)
    note = b"The agent stopped while this command ran\n"
    assert item["output"].endswith(note.decode())
    assert gzip.decompress(server.stored[execution_id][0]) == expected + note
    eventually(lambda: list((agents.state_dir / "outputs").iterdir()) == [], what="the removal of the output")

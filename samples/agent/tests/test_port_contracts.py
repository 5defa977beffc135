"""The same tests for the production ports and for those in memory, so that the latter may stand in for the former."""

import asyncio
from pathlib import PurePath

import pytest
from edge_agent.ports.clock import SystemClock
from edge_agent.ports.disk import SystemDisk
from edge_agent.ports.processes import SystemProcesses
from edge_agent.ports.threads import SystemThreads

from samples.agent.tests.support.memory_ports import InlineThreads, MemoryDisk, MemoryPorts, MemoryProcesses
from samples.agent.tests.support.stub_server import StubServer


@pytest.fixture(params=[SystemDisk, MemoryDisk])
def disk(request):
    return request.param()


@pytest.fixture
def folder(disk, tmp_path):
    path = PurePath(tmp_path / "state")
    disk.own_folder(path)
    return path


class TestDisk:
    def test_missing_file_is_not_found(self, disk, folder):
        with pytest.raises(FileNotFoundError):
            disk.read(folder / "a")

    def test_written_file_is_replaced_completely(self, disk, folder):
        disk.write(folder / "a", b"a longer text")
        disk.write(folder / "a", b"short")
        assert disk.read(folder / "a") == b"short"

    def test_renamed_file_replaces_its_target(self, disk, folder):
        disk.write(folder / "a", b"old")
        disk.write(folder / "b", b"new")
        disk.rename(folder / "b", folder / "a")
        assert disk.read(folder / "a") == b"new"
        assert disk.files(folder) == ["a"]

    def test_rename_of_a_missing_file_is_not_found(self, disk, folder):
        with pytest.raises(FileNotFoundError):
            disk.rename(folder / "a", folder / "b")

    def test_opened_file_is_appended_to(self, disk, folder):
        disk.write(folder / "a", b"one ")
        file = disk.open(folder / "a")
        file.append(b"two ")
        file.append(b"three")
        file.sync()
        file.close()
        assert disk.read(folder / "a") == b"one two three"

    def test_truncated_file_is_written_at_positions(self, disk, folder):
        disk.write(folder / "a", b"old")
        file = disk.open(folder / "a", truncate=True)
        file.write_at(3, b"def")
        file.write_at(0, b"a")
        file.close()
        assert disk.read(folder / "a") == b"a\x00\x00def"

    def test_file_is_read_in_pieces(self, disk, folder):
        disk.write(folder / "a", b"abcde")
        assert disk.size(folder / "a") == 5
        pieces = [disk.read_piece(folder / "a", position, 2) for position in (0, 2, 4, 5, 9)]
        assert pieces == [b"ab", b"cd", b"e", b"", b""]
        for read in (disk.size, lambda path: disk.read_piece(path, 0, 1)):
            with pytest.raises(FileNotFoundError):
                read(folder / "b")

    def test_file_that_was_renamed_over_keeps_its_content_for_its_holder(self, disk, folder):
        disk.write(folder / "a", b"old")
        held = disk.open(folder / "a")
        disk.write(folder / "b", b"new")
        disk.rename(folder / "b", folder / "a")
        held.append(b" text")
        held.close()
        assert disk.read(folder / "a") == b"new"

    def test_removed_file_may_be_missing(self, disk, folder):
        disk.write(folder / "a", b"")
        for _ in range(2):
            disk.remove(folder / "a")
        disk.sync_folder(folder)
        assert disk.files(folder) == []

    def test_folders_are_listed_apart_and_removed_with_their_content(self, disk, folder):
        disk.write(folder / "a", b"")
        disk.own_folder(folder / "sub")
        disk.write(folder / "sub" / "b", b"")
        assert (disk.files(folder), disk.folders(folder)) == (["a"], ["sub"])
        disk.remove_folder(folder / "sub")
        assert disk.folders(folder) == []

    def test_lock_is_exclusive_until_it_is_closed(self, disk, folder):
        lock = disk.lock(folder / "lock")
        assert disk.lock(folder / "lock") is None
        lock.close()
        assert disk.lock(folder / "lock") is not None

    def test_missing_link_has_no_target(self, disk, folder):
        assert disk.link_target(folder / "current") is None


@pytest.fixture(params=["system", "memory"])
def clock_and_run(request):
    if request.param == "system":
        return SystemClock(), asyncio.run
    ports = MemoryPorts(StubServer())
    return ports.clock, ports.run


class TestClock:
    def test_sleeping_tasks_wake_up_in_order(self, clock_and_run):
        clock, run = clock_and_run
        woken = []

        async def sleeper(seconds):
            await clock.sleep(seconds)
            woken.append(seconds)

        async def scenario():
            before = clock.monotonic()
            await asyncio.gather(sleeper(0.2), sleeper(0.1), sleeper(0))
            assert clock.monotonic() > before

        run(scenario())
        assert woken == [0, 0.1, 0.2]

    def test_block_above_its_time_limit_is_ended(self, clock_and_run):
        clock, run = clock_and_run

        async def scenario():
            with pytest.raises(TimeoutError):
                async with clock.timeout(0.05):
                    await asyncio.Event().wait()
            async with clock.timeout(60):
                pass
            async with clock.timeout(None):
                await clock.sleep(0.01)

        run(scenario())

    def test_cancelled_timer_makes_no_call(self, clock_and_run):
        clock, run = clock_and_run
        calls = []

        async def scenario():
            clock.call_later(0.01, lambda: calls.append("made"))
            clock.call_later(0.01, lambda: calls.append("cancelled")).cancel()
            await clock.sleep(0.1)

        run(scenario())
        assert calls == ["made"]


@pytest.mark.parametrize("threads", [SystemThreads, InlineThreads])
def test_calls_in_threads_return_or_raise_in_order(threads):
    calls = []

    async def scenario():
        port = threads()
        worker = port.worker("test")
        await asyncio.gather(*(worker.run(lambda number=number: calls.append(number)) for number in range(20)))
        worker.close()
        assert await port.run(lambda: 1) == 1
        assert await port.run_detached(lambda: 2) == 2
        with pytest.raises(ZeroDivisionError):
            await port.run(lambda: 1 / 0)

    asyncio.run(scenario())
    assert calls == list(range(20))


COMMANDS = {"system": ("sleep 0.1; printf output; exit 3", "sleep 60"), "memory": ("0.1 3 output", "60 0 x")}


@pytest.mark.parametrize("kind", COMMANDS)
def test_started_command_has_output_and_exit_code_and_can_be_signalled(kind):
    ports = MemoryPorts(StubServer())
    processes, run = (SystemProcesses(), asyncio.run) if kind == "system" else (MemoryProcesses(ports.clock), ports.run)
    first, endless = COMMANDS[kind]
    output = []

    async def scenario():
        program = processes.start_command(first, {}, output.append)
        await program.exited.wait()
        await program.outputs_closed.wait()
        assert program.exit_code() == 3
        program.close()
        program = processes.start_command(endless, {}, output.append)
        program.signal("TERM")
        await program.exited.wait()
        assert program.exit_code() == 143
        program.close()

    run(scenario())
    assert b"".join(output) == b"output"

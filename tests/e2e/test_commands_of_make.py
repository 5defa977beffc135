"""`make demo` and `make up` as processes: what they answer, where they listen, and what they leave behind.

`make` itself only starts these modules; its target needs a virtual environment of its own.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.emulator import fast_folder, free_port
from infra.package import ROOT
from tests.e2e.api import Api
from tests.e2e.cloud import eventually

STOP_SECONDS = 60.0
LISTENING = "0A"
"""A TCP socket's state in /proc/net/tcp."""

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks at processes as Linux shows them")


class Run:
    """A module of `infra.local` as a process; everything that it starts carries a mark in its environment.

    The mark travels in HOME, one of the few variables that reach the emulator, its functions and the agents.
    """

    def __init__(self, folder: Path, module: str, *arguments: str, **variables: str) -> None:
        self.home = folder / f"home-{uuid.uuid4()}"
        self.home.mkdir()
        self.output = self.home / "output"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self.home), **variables}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", f"infra.local.{module}", *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def printed(self, pattern: str) -> str:
        """The first group of a pattern, once it stands in the output."""

        def look() -> str | None:
            assert self.process.poll() is None, self.output.read_text()
            found = re.search(pattern, self.output.read_text(), re.MULTILINE)
            return found[1] if found else None

        return str(eventually(look, patience_seconds=180))

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def left(self) -> list[str]:
        """Command lines of living processes that it started."""
        return [each.command for each in _processes() if str(self.home).encode() in each.environment]

    def ports(self) -> set[tuple[str, int]]:
        """(address, port) of every TCP socket that listens in a process of it."""
        inodes = {
            inode for each in _processes() if str(self.home).encode() in each.environment for inode in each.sockets
        }
        return {address for inode, address in _listening().items() if inode in inodes}


@contextmanager
def running(module: str, *arguments: str, **variables: str) -> Iterator[Run]:
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        run = Run(Path(folder), module, *arguments, **variables)
        try:
            yield run
        finally:
            if run.process.poll() is None:
                run.stop(signal.SIGTERM)


def test_demo_succeeds_and_leaves_no_process_or_file():
    with running("demo") as demo:
        status = demo.process.wait(240)
        text = demo.output.read_text()

        assert status == 0, text
        assert text.count("exit code 0") == 3
        assert len(re.findall(r"result accepted", text)) == 3
        assert "was told of all 3, both signatures verified" in text
        assert text.count('"type": "edge.command_execution.completed"') == 1
        assert "everything is stopped" in text
        eventually(lambda: not demo.left())
        assert _rest_of(demo) == []


@pytest.mark.slow
def test_demo_of_the_cloud_succeeds_and_leaves_no_process():
    with running("demo", FAMILY="cloud") as demo:
        status = demo.process.wait(300)
        text = demo.output.read_text()

        assert status == 0, text
        assert text.count("registered by the token of the mail") == 2
        assert re.findall(r"refused with (\d+)", text) == ["403", "403", "403", "409", "403", "404", "401"]
        assert "a command on it said: hello from Linux" in text
        assert "of 10240 bytes went into the bucket photos by a link, and came back the same" in text
        assert "nothing of them is left in the account" in text
        assert re.search(r"the bill: 0\.0000\d\d USD, for INSTANCE", text)
        assert "keeps the secret database-password, and the developer reads it" in text
        assert "done     tenant.remove_member  by" in text
        assert "refused  tenant.invite  by" in text
        eventually(lambda: not demo.left())


@pytest.mark.slow
def test_two_local_clouds_run_side_by_side_and_end_with_ctrl_c():
    ports = [free_port(), free_port()]
    with (
        running("up", "1", PORT=str(ports[0]), MASTER_KEY="first-master-key") as first,
        running("up", PORT=str(ports[1]), MASTER_KEY="second-master-key") as second,
    ):
        urls = [each.printed(r"^API +(\S+)$") for each in (first, second)]
        assert urls == [f"http://127.0.0.1:{port}" for port in ports]
        for each in (first, second):
            each.printed("^(Ctrl-C stops everything)")
        assert first.printed(r"^agents +(\d of \d)") == "1 of 1"
        api, other = Api(urls[0], "first-master-key"), Api(urls[1], "second-master-key")
        assert [each["name"] for each in api.items("/api/v1/clusters")] == ["samples"]
        assert [each["id"] for each in api.items("/api/v1/nodes")] == [first.printed(r"^ {12}(\S+)$")]
        assert other.items("/api/v1/clusters") == []
        assert Api(urls[1], "first-master-key").get("/api/v1/clusters").status == 401

        for each, port in ((first, ports[0]), (second, ports[1])):
            assert ("127.0.0.1", port) in each.ports()
            assert {address for address, _ in each.ports()} == {"127.0.0.1"}

        _run_something_long(api)
        assert first.stop(signal.SIGINT) == 0
        assert "stopped" in first.output.read_text()
        eventually(lambda: not first.left())
        assert first.ports() == set()
        assert _rest_of(first) == []

        assert other.get("/healthz").status == 200
        second.process.kill()
        second.process.wait(STOP_SECONDS)
        eventually(lambda: not second.left())
        assert _rest_of(second) == []


def test_port_in_use_is_reported_and_leaves_no_process_or_file():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with running("up", PORT=str(taken.getsockname()[1])) as up:
            assert up.process.wait(STOP_SECONDS) == 1
            assert "make up: " in up.output.read_text()
            eventually(lambda: not up.left())
            assert _rest_of(up) == []


# Slow: packages once more. The ends of the demo and of `make up` have other tests.
@pytest.mark.slow
def test_demo_interrupted_while_starting_leaves_no_process_or_file():
    with running("demo") as demo:
        demo.printed(r"(application packaged)")

        assert demo.stop(signal.SIGINT) == 130
        eventually(lambda: not demo.left())
        assert _rest_of(demo) == []


def _run_something_long(api: Api) -> None:
    """A command that would run for ten minutes, running."""
    eventually(lambda: api.items("/api/v1/nodes"))
    body = {"command_text": "sleep 600", "targeting": {"type": "all"}}
    assert api.call("POST", "/api/v1/commands", body).status == 201
    eventually(lambda: [each for each in api.items("/api/v1/command_executions") if each["status"] == "sent"])


def _rest_of(run: Run) -> list[str]:
    """What is left in its temporary folder besides what this test put there."""
    deadline = time.monotonic() + STOP_SECONDS
    while (
        rest := sorted(each.name for each in run.home.iterdir() if each != run.output)
    ) and time.monotonic() < deadline:
        time.sleep(0.1)
    return rest


class _Process:
    def __init__(self, folder: Path) -> None:
        self.environment = (folder / "environ").read_bytes()
        self.command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        links = [str(each.readlink()) for each in (folder / "fd").iterdir()]
        self.sockets = {link.removeprefix("socket:[")[:-1] for link in links if link.startswith("socket:[")}


def _processes() -> Iterator[_Process]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield _Process(folder)
            except OSError:
                continue  # it ended just now, or is another user's


def _listening() -> dict[str, tuple[str, int]]:
    """Inode -> (address, port) of each TCP socket that listens."""
    found = {}
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == LISTENING:
                found[fields[9]] = (_dotted(address), int(port, 16))
    return found


def _dotted(address: str) -> str:
    """An IPv4 address as people write it; any other as it stands."""
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(address))) if len(address) == 8 else address

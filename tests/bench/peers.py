"""Salt and Ansible on this machine, where they are installed: the time of a command on so many of their machines.

Their programs are found on PATH and in the folders of ``BENCH_PEERS``. Salt's machines are connected minions, asked by
a client that was asked before; Ansible's are addresses of this machine, which an SSH server lets in, over connections
that stay open. (A server that was never started by its system may lack its folder: ``mkdir -p /run/sshd``.)
"""

import getpass
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.processes import GuardedProcess
from tests.bench.fleet_cloud import BenchFailedError, wait_until

VARIABLE = "BENCH_PEERS"
"""Folders with their programs, as in PATH."""

WARM_UPS = 2

_SYSTEM = "/usr/sbin"
"""The folder of SSH servers, which is not on everyone's PATH."""

_STARTED_AT_ONCE = 4

_SALT_CLIENT = """
import json, sys, time
import salt.client
client = salt.client.LocalClient(sys.argv[1])
for line in sys.stdin:
    began = time.monotonic()
    answered = client.cmd("*", "cmd.run", ["true"], timeout=5)
    print(json.dumps([len(answered), 1000 * (time.monotonic() - began)]), flush=True)
"""

Ask = Callable[[], float]
"""Runs a command on all machines. Returns how many milliseconds that took."""


@dataclass(frozen=True)
class Peer:
    """A system that runs commands on machines. ``needs`` are its programs; ``running`` has its processes, for so many
    machines, as long as its context is open."""

    name: str
    needs: Sequence[str]
    running: Callable[[Path, int], AbstractContextManager[Ask]]

    @property
    def missing(self) -> list[str]:
        """The programs that are not installed."""
        return [each for each in self.needs if shutil.which(each, path=_search_path()) is None]

    def times_ms(self, machines: int, count: int) -> list[float]:
        """The times of so many commands. Raises `BenchFailedError`."""
        with tempfile.TemporaryDirectory(prefix="peer-") as folder, self.running(Path(folder), machines) as ask:
            for _ in range(WARM_UPS):
                ask()
            return [ask() for _ in range(count)]


@contextmanager
def _salt(folder: Path, machines: int) -> Iterator[Ask]:
    publishes, answers = _free_ports(2)
    shared = {"user": getpass.getuser(), "log_level": "error", "publish_port": publishes}
    master = {**shared, "interface": "127.0.0.1", "ret_port": answers, "auto_accept": True}
    with ExitStack() as stack:
        stack.enter_context(_process([_program("salt-master"), "-c", _configured(folder, "master", master)], folder))
        accepted = folder / "pki" / "master" / "minions"
        for number in range(machines):
            name = f"m{number}"
            minion = {**shared, "id": name, "master": "127.0.0.1", "master_port": answers}
            command = [_program("salt-minion"), "-c", _configured(folder / name, "minion", minion)]
            stack.enter_context(_process(command, folder / name))
            if number + 1 == machines or not (number + 1) % _STARTED_AT_ONCE:
                wait_until(lambda: len(list(accepted.glob("*"))) > number, "minions")  # noqa: B023 - called at once
        python = Path(_program("salt-master")).read_text().partition("\n")[0].removeprefix("#!")
        client = stack.enter_context(
            subprocess.Popen(
                [python, "-W", "ignore", "-c", _SALT_CLIENT, str(folder / "master")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
        stack.callback(client.kill)
        if client.stdin is None or client.stdout is None:
            raise TypeError("a client without pipes")
        asks, tells = client.stdin, client.stdout

        def asked() -> tuple[int, float]:
            asks.write("\n")
            asks.flush()
            answered, took = json.loads(tells.readline())
            return int(answered), float(took)

        def ask() -> float:
            answered, took = asked()
            if answered != machines:
                raise BenchFailedError(f"{answered} of {machines} minions answered")
            return took

        wait_until(lambda: asked()[0] == machines, "answers of all minions")
        yield ask


@contextmanager
def _ansible(folder: Path, machines: int) -> Iterator[Ask]:
    (port,) = _free_ports(1)
    for key in ("host", "user"):
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(made, check=True, capture_output=True)
    server = {
        "Port": port,
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "MaxStartups": 100,
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in server.items()))
    options = f"-F none -i {folder / 'user'} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    kept = f"-o ControlMaster=auto -o ControlPersist=60s -o ControlPath={folder}/%h"
    hosts = "".join(f"127.0.0.{number + 1}\n" for number in range(machines))
    variables = {
        "ansible_port": port,
        "ansible_user": getpass.getuser(),
        "ansible_ssh_common_args": f"{options} {kept}",
    }
    (folder / "hosts").write_text(
        f"[all]\n{hosts}[all:vars]\n" + "".join(f"{name}={value!r}\n" for name, value in variables.items())
    )
    command = [_program("ansible"), "all", "-i", str(folder / "hosts"), "-f", str(machines), "-m", "raw", "-a", "true"]

    def is_let_in() -> bool:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def ask() -> float:
        began = time.monotonic()
        if not is_let_in():
            raise BenchFailedError("Ansible did not reach all its machines")
        return 1000 * (time.monotonic() - began)

    with _process([_program("sshd"), "-D", "-f", str(folder / "sshd_config")], folder):
        wait_until(is_let_in, "the SSH server")
        try:
            yield ask
        finally:
            for each in hosts.split():
                close = ["ssh", "-F", "none", "-o", f"ControlPath={folder}/%h", "-O", "exit", each]
                subprocess.run(close, capture_output=True, check=False)


PEERS = (
    Peer("Salt's warm client", ("salt-master", "salt-minion"), _salt),
    Peer("Ansible", ("ansible", "sshd", "ssh", "ssh-keygen"), _ansible),
)


@contextmanager
def _process(command: Sequence[str], folder: Path) -> Iterator[None]:
    with (folder / "output").open("ab") as output:
        process = GuardedProcess(command, environment=os.environ, output=output, folder=folder)
        try:
            yield
        finally:
            process.stop()


def _configured(folder: Path, name: str, settings: dict[str, object]) -> str:
    """Write the file of settings of one of Salt's programs. Returns the folder, which is all of its root."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(json.dumps({**settings, "root_dir": str(folder), "pki_dir": str(folder / "pki" / name)}))
    return str(folder)


def _program(name: str) -> str:
    found = shutil.which(name, path=_search_path())
    if found is None:
        raise BenchFailedError(f"{name} is not installed")
    return found


def _search_path() -> str:
    return os.pathsep.join([os.environ.get(VARIABLE, ""), os.environ["PATH"], _SYSTEM])


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, each another one."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]

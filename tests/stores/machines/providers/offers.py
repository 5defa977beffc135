"""Providers for the contract: EC2 on a strict fake and on the emulator, and processes of this machine."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.kit.outbound import unguarded
from chalicelib.machines.providers.ec2 import Ec2
from chalicelib.machines.providers.ec2_request import Network
from chalicelib.machines.providers.local import LocalMachines
from chalicelib.machines.providers.ports import Provider
from infra.local.machine_host import MachineHost
from tests.support.emulator import Emulator
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2 import BY_ZONE, SECURITY_GROUP, STAGE, FakeEc2

PATIENCE_SECONDS = 30
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Place:
    """A provider, and how its time passes. ``keeps_tokens``: a repeated launch makes no second machine even before the
    first can be seen."""

    provider: Provider
    name: str
    keeps_tokens: bool = True
    advance: Callable[[float], None] = field(default=lambda _seconds: None)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Let time pass until it is so. Raises AssertionError if it does not come."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline
            self.advance(1)
            time.sleep(_POLL_SECONDS if self.name == "local" else 0)


def strict() -> Place:
    """Everything takes a while, and is seen later."""
    clock = FakeClock()
    client = FakeEc2(clock, lag_seconds=2, boot_seconds=20, stop_seconds=10)
    return Place(_ec2(client), "strict", advance=clock.advance)


def emulated(emulator: Emulator) -> Place:
    return Place(_ec2(emulator.client("ec2")), "emulator", keeps_tokens=False)


@contextmanager
def local(folder: Path) -> Iterator[Place]:
    with MachineHost(folder) as host:
        yield Place(LocalMachines(unguarded(total_seconds=10, answer_bytes=1_000_000), host.url), "local")


def _ec2(client: object) -> Ec2:
    return Ec2(client, STAGE, Network(BY_ZONE, (SECURITY_GROUP,)), {"t3.small": "0.0230 USD"})

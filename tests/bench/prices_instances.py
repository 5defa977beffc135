"""What an instance uses beside its machine and its agent: asked for, ready, at rest, and gone again."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from chalicelib.machines.api import COMPUTE_API
from chalicelib.machines.wiring import Machines
from tests.bench import prices
from tests.bench.prices import Usage
from tests.bench.prices_logs import logged, rest_line_bytes
from tests.bench.prices_world import PricedWorld
from tests.support.client import Client, HttpAnswer
from tests.support.declared import FAMILIES

TOGETHER = 20
"""Instances of a world; what a sweep shares among them is divided by it."""

_INSTANCES = "/api/compute/v1/instances"
_HOUR = 3600


@dataclass(frozen=True)
class Instances:
    """The usage of one: until it is running, of a look while it is at rest, and from its deletion to its end. Calls of
    EC2 are not charged."""

    made: Usage
    look: Usage
    ended: Usage


class _Stage:
    """A world in which instances are made by the fake host of local machines, which has them running at once."""

    def __init__(self) -> None:
        self.world = PricedWorld(families=FAMILIES)
        self._client = Client(COMPUTE_API.groups(), self.world.platform.container(Machines), api=COMPUTE_API)

    def ask(self, method: str, path: str, **options: Any) -> HttpAnswer:
        with self.world.invocation("machines_api"):
            answer = self._client.request(method, path, **options)
        self.world.spent += Usage(rest_requests=1, egress_bytes=len(answer.text.encode()) + prices.HEADERS.value)
        self.world.spent += logged(rest_line_bytes())
        return answer

    def statuses(self) -> set[str]:
        found = self._client.get(_INSTANCES).json
        return {one["status"] for one in found}

    def work(self, seconds: float) -> Usage:
        """What happens when so much time has passed, without the sweep that finds nothing."""
        self.world.clock.advance(seconds)
        before = self.world.spent
        self.world.sweep("sweep_provisioning")
        self.world.settle()
        used = self.world.spent - before
        before = self.world.spent
        self.world.sweep("sweep_provisioning")
        return used - (self.world.spent - before)


@cache
def instances() -> Instances:
    """Measured once in a process. Raises AssertionError if instances do not become what they should."""
    stage = _Stage()
    before = stage.world.spent
    new = {"templateID": "local-small", "zone": "local-a"}
    ids = [stage.ask("POST", _INSTANCES, json=new).json["id"] for _ in range(TOGETHER)]
    stage.world.settle()
    made = stage.world.spent - before + stage.work(_HOUR / 60)
    assert stage.statuses() == {"RUNNING"}, stage.statuses()
    look = stage.work(1.2 * _HOUR)
    before = stage.world.spent
    for instance_id in ids:
        stage.ask("DELETE", f"{_INSTANCES}/{instance_id}")
    stage.world.settle()
    ended = stage.world.spent - before + stage.work(_HOUR / 60)
    assert stage.statuses() == {"TERMINATED"}, stage.statuses()
    part = 1 / TOGETHER
    return Instances(made * part, look * part, ended * part)

"""EC2 for a world: each call takes its time, and whoever makes it may die there."""

from collections.abc import Callable
from random import Random
from typing import Any

from chalicelib.platform.provisioning.ec2_tags import stage_of
from chalicelib.platform.provisioning.pacing import LEASE
from tests.support.fakes.ec2 import BY_ZONE, SECURITY_GROUP, FakeEc2

SETTINGS = {
    "machine_providers": ("ec2",),
    "machine_subnets": tuple(f"{zone}={subnet}" for zone, subnet in BY_ZONE.items()),
    "machine_security_groups": (SECURITY_GROUP,),
}
"""The settings of an application that makes instances there."""


class SimulatedEc2(FakeEc2):
    """``meet`` is what happens before each call."""

    def __init__(self, world: Any, seed: int) -> None:
        stage = stage_of(world.platform.settings.table_prefix)
        super().__init__(world.clock, stage=stage, lag_seconds=2, boot_seconds=20, stop_seconds=10)
        self.has_file, self.import_role = world.object_client.has, world.platform.settings.images_import_role
        self._meet: Callable[[], object] = world.meet
        self._ids = Random(f"{seed} ec2")
        self.new_id = lambda: f"i-{self._ids.getrandbits(68):017x}"
        self.came_late: set[str] = set()
        """The things made by calls that paused for longer than a worker's lease: another may have made one before."""

    def calm(self) -> None:
        """No further call fails."""
        self._troubles.clear()

    def _do(self, operation: str, request: Any, call: Callable[[], Any]) -> Any:
        began, known = self.clock.now(), {*self.parts, *self.copies}
        self._meet()
        is_late = self.clock.now() - began >= LEASE
        try:
            return super()._do(operation, request, call)
        finally:
            if is_late:
                self.came_late |= {*self.parts, *self.copies} - known

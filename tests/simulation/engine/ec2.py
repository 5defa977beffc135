"""EC2 for a world: each call takes its time, and whoever makes it may die there."""

from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random
from typing import Any

from chalicelib.platform.provisioning.ec2_tags import stage_of
from tests.simulation.engine.weather import Weather
from tests.support.fakes.aws import FIRST_KEY
from tests.support.fakes.ec2 import BY_ZONE, SECURITY_GROUP, FakeEc2, Machine

NETWORKS = ("north", "south", "west")

SETTINGS = {
    "machine_providers": ("ec2",),
    "machine_subnets": tuple(f"{zone}={subnet}" for zone, subnet in BY_ZONE.items()),
    "machine_security_groups": (SECURITY_GROUP,),
    "hosted_template": "ubuntu-small",
    "hosted_networks": NETWORKS,
    "signing_key_id": FIRST_KEY,
}
"""The settings of an application that makes instances and hosted nodes there."""


LAG_SECONDS = 2
MOST_LAG_SECONDS = 12


class SimulatedEc2(FakeEc2):
    """``meet`` is what happens before each call."""

    def __init__(self, world: Any, seed: int) -> None:
        stage = stage_of(world.platform.settings.table_prefix)
        super().__init__(world.clock, stage=stage, lag_seconds=LAG_SECONDS, boot_seconds=20, stop_seconds=10)
        self.has_file, self.import_role = world.object_client.has, world.platform.settings.images_import_role
        self._weather: Weather = world.weather
        self._world = world
        self._ids = Random(f"{seed} ec2")
        self.new_id = lambda: f"i-{self._ids.getrandbits(68):017x}"
        self.came_late: set[str] = set()
        """The things made by workers that had paused for longer than their lease: another may have made one before."""
        self.surprised: set[str] = set()
        """The things that changed unknown to their rows: by somebody with a console, by themselves, or by such a
        worker."""
        self._past: dict[str, tuple[dict[str, str], datetime, datetime]] = {}
        self.switched: Callable[[Machine], object] = lambda _instance: None
        """Told of each instance that was asked to become something else, or that somebody has switched."""

    def end(self, machine_id: str, reason: str = "") -> None:
        self.surprised.add(machine_id)
        super().end(machine_id, reason)
        self.switched(self.machines[machine_id])

    def power_off(self, machine_id: str) -> None:
        self.surprised.add(machine_id)
        super().power_off(machine_id)
        self.switched(self.machines[machine_id])

    def times_there(self) -> Iterator[tuple[str, dict[str, str], datetime, datetime]]:
        """The id and tags of everything that ever cost money, and a time from when until when it did; for a machine
        each in which it ran."""
        now = self.clock.now()
        for machine in self.machines.values():
            for (since, state), (until, _) in zip(machine.states, [*machine.states[1:], (now, "")], strict=True):
                if state == "running":
                    yield machine.id, machine.tags, since, until
        for disk in self.disks.values():
            yield disk.id, disk.tags, disk.since, disk.ends or now
        for part in self.parts.values():
            yield part.id, part.tags, part.made_at, self.nats_leaving.get(part.id) or part.gone_at or now
        for thing_id, thing in {**self.copies, **self.amis}.items():
            yield thing_id, thing.tags, thing.since, now
        for thing_id, (tags, since, until) in self._past.items():
            yield thing_id, tags, since, until

    def calm(self) -> None:
        """No further call fails."""
        self._troubles.clear()

    def _do(self, operation: str, request: Any, call: Callable[[], Any]) -> Any:
        known = {*self.machines, *self.parts, *self.copies}
        self._world.meet()
        # Another server may answer than before, which knows less.
        is_behind = self._weather.strikes("ec2_lags")
        self.lag_seconds = (
            self._weather.seconds("ec2_lags", LAG_SECONDS, MOST_LAG_SECONDS) if is_behind else LAG_SECONDS
        )
        is_late = self._world.is_late
        forgettable = {**self.copies, **self.amis} if operation in FORGETTING else {}
        try:
            return super()._do(operation, request, call)
        finally:
            if is_late:
                self.came_late |= {*self.machines, *self.parts, *self.copies} - known
                self.surprised |= {text for value in request.values() for text in _texts(value)}
            if operation in SWITCHING:
                for machine_id in request.get("InstanceIds") or sorted({*self.machines} - known):
                    if machine_id in self.machines:
                        self.switched(self.machines[machine_id])
                        if self.dies_at_start:
                            self.surprised.add(machine_id)
            for thing_id in forgettable.keys() - self.copies.keys() - self.amis.keys():
                thing = forgettable[thing_id]
                self._past[thing_id] = (thing.tags, thing.since, self.clock.now())


FORGETTING = frozenset({"DeleteSnapshot", "DeregisterImage"})
"""The calls after which a thing is not known any more."""

SWITCHING = frozenset({"RunInstances", "StartInstances", "StopInstances", "RebootInstances", "TerminateInstances"})


def _texts(value: Any) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]

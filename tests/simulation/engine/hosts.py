"""Agents on instances of EC2: one runs while its instance does, with the key that its user data has."""

from collections.abc import Callable
from datetime import timedelta

from chalicelib.fleet.enrollment.blob import key_id_of
from tests.simulation.engine.ec2 import SimulatedEc2
from tests.simulation.engine.machine import Machine
from tests.support.fakes import ec2 as fake
from tests.support.fakes.timeline import Timeline
from tests.support.instances import key_in

SetUp = Callable[[str, str, str], Machine]
"""Sets up a machine, by the text and the id of its enrollment key and its own id."""


class Hosts:
    """Follows the instances of ``ec2``. Those that were not told to enrol have no agent."""

    def __init__(self, ec2: SimulatedEc2, timeline: Timeline, set_up: SetUp) -> None:
        self._ec2, self._timeline, self._set_up = ec2, timeline, set_up
        self._machines: dict[str, Machine] = {}
        self._reboots: dict[str, int] = {}
        ec2.switched = self._switched

    def _switched(self, instance: fake.Machine) -> None:
        """Look at it now, and whenever its state changes by what was just done."""
        if key_in(instance.request) is None:
            return
        now = self._ec2.clock.now()
        for seconds in {max(since - now, timedelta()).total_seconds() for since, _ in instance.states}:
            self._timeline.after(seconds, lambda: self._follow(instance))

    def _follow(self, instance: fake.Machine) -> None:
        is_on = instance.state(self._ec2.clock.now()) == "running"
        machine = self._machines.get(instance.id)
        if machine is None and is_on:
            key, node_id = key_in(instance.request), str(instance.request["ClientToken"])
            assert key is not None
            self._machines[instance.id] = self._set_up(key, key_id_of(key) or "", node_id)
        elif machine is not None and machine.is_switched_off == is_on:
            (machine.switch_on if is_on else machine.switch_off)()
        elif machine is not None and self._reboots.get(instance.id, 0) != instance.reboots:
            machine.kill()
        self._reboots[instance.id] = instance.reboots

"""Live tails: opened, watched, left and forgotten; an agent sends what it is asked for, and no output is stored."""

import json
from datetime import timedelta
from functools import partial
from typing import Any

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.tails.rules import LASTS, RENEW_SECONDS
from chalicelib.fleet.tails.store import TAILS
from tests.simulation.engine.machine import Machine
from tests.simulation.engine.machine_ports import TALKING
from tests.simulation.scene import NothingThereError, Scene, Simulation

LASTS_SECONDS = (5, 200, 400)
WATCHES_SECONDS = (5, 130, None)
"""How long somebody watches; None: until told that it is over."""

LOOKS = 20
STORED = {
    *("id", "execution_id", "node_id", "actor", "connection_id", "opens_until", "ends_at"),
    *("expires_epoch", "version", "changed_by", "inserted_at", "updated_at"),
}
"""What a row of a tail has."""

LONGEST = LASTS + timedelta(minutes=5)
"""An end, whatever it is, is told by then: a lost frame is made up for by the next of those that say who watches."""

SENDS_ITS_LAST = timedelta(seconds=2)
"""After its time an agent may have a frame under way."""


class _Watched:
    """Who watches; and until when each machine was asked to send which tail."""

    def __init__(self) -> None:
        self.watchers: list[Watcher] = []
        self.asked: dict[tuple[int, str], Any] = {}


class Watcher:
    """An operator's end of a socket, opened with a ticket, to see a program that says nothing but ``text``."""

    def __init__(self, scene: Scene, opened: Any, text: str) -> None:
        self.tail_id, self.ticket, self.text = str(opened["tail_id"]), str(opened["ticket"]), text
        self.connection_id = ""
        self.status = 0
        self.is_over = False
        self.has_left = False
        self._scene = scene
        headers = {"Authorization": f"Bearer {self.ticket}"}
        scene.gateway.connect(headers, self, self._answered)

    def _answered(self, status: int, connection_id: str) -> None:
        self.status, self.connection_id = status, connection_id
        if self.has_left:
            self._scene.gateway.close(connection_id)

    def give_up(self) -> None:
        """Wait no longer to be let in; a socket that opens yet is closed."""
        self.has_left = True

    def deliver(self, frame: str) -> None:
        said = json.loads(frame)
        self.is_over |= said["type"] == "end" or said.get("is_end", False)
        with self._scene.holding("a_watcher_sees_its_own_program"):
            rest = said.get("text", "").replace(self.text, "")
            assert not rest, f"the watcher of {self.text} was sent {rest}"

    def hang_up(self) -> None:
        self.is_over = True

    def watch(self, seconds: float | None) -> None:
        """Say so again and again, for so many seconds or until it is over."""
        scene, passed = self._scene, 0.0
        while not self.is_over and (seconds is None or passed < seconds):
            scene.gateway.say(self.connection_id, json.dumps({"type": "watch", "tail": self.tail_id}))
            pause = RENEW_SECONDS if seconds is None else min(RENEW_SECONDS, seconds - passed)
            scene.wait(pause)
            passed += pause
            with scene.holding("every_watcher_is_told_the_end"):
                assert passed < LONGEST.total_seconds(), f"{self.text!r} was watched for {passed} s"
        self.has_left = True


def watch_a_program(scene: Scene) -> None:
    """Somebody has a machine run something and watches; then the socket is closed, or it is forgotten and stays."""
    working = [machine for machine in scene.machines if machine.works]
    if not working:
        raise NothingThereError("machines that work")
    machine, text = scene.rng.choice(working), f"{TALKING}{scene.rng.getrandbits(32)}\n"
    body = {
        "command_text": f"{scene.rng.choice(LASTS_SECONDS)} 0 {text}",
        "targeting": {"type": "nodes", "node_ids": [machine.id]},
    }
    command_id = scene.ask("POST", "/api/v1/commands", json=body).data["id"]
    execution_id = _execution_of(scene, str(command_id))
    opened = scene.ask("POST", f"/api/v1/command_executions/{execution_id}/tail", headers={}).data
    scene.gateway.overheard = partial(_overhear, scene)
    watcher = Watcher(scene, opened, text)
    watchers = [watcher, *(Watcher(scene, opened, text) for _ in range(scene.rng.choice((0, 0, 1))))]
    scene.recall(_Watched).watchers += watchers
    for _ in range(LOOKS):
        scene.wait(1)
        watcher = next((each for each in watchers if each.status == OK), watcher)
        if all(each.status for each in watchers):
            break
    for each in watchers:
        if not each.status:
            each.give_up()
    if watcher.status == OK:
        watcher.watch(scene.rng.choice(WATCHES_SECONDS))
        if scene.rng.random() < 0.5:
            scene.gateway.close(watcher.connection_id)


def _execution_of(scene: Scene, command_id: str) -> str:
    """The execution of a command for one machine. Raises `NothingThereError`."""
    for _ in range(LOOKS):
        row = next((row for row in scene.rows(EXECUTIONS) if row["command_id"] == command_id), None)
        if row is not None:
            return str(row["id"])
        scene.wait(1)
    raise NothingThereError(EXECUTIONS.name)


def _overhear(scene: Scene, machine: Machine, frame: str, is_sent: bool) -> None:
    if '"tail"' not in frame:
        return
    asked, now, said = scene.recall(_Watched).asked, scene.world.clock.now(), json.loads(frame)
    key = (machine.number, said["tail"])
    if not is_sent:
        asked[key] = now + timedelta(seconds=said["seconds"])
        return
    with scene.holding("a_machine_sends_what_it_is_asked_for"):
        assert key in asked, f"machine {machine.number} sends a tail that nobody asked for"
        late = now - asked[key]
        assert late < SENDS_ITS_LAST, f"machine {machine.number} sends what nobody has asked for since {late}"


OK = 200


def a_ticket_opens_one_socket(scene: Scene) -> None:
    opened = [each.tail_id for each in scene.recall(_Watched).watchers if each.status == OK]
    assert len(opened) == len({*opened}), "a ticket has opened two sockets"


def every_watcher_is_told_the_end(scene: Scene) -> None:
    """Who watches until it is over learns that it is: all that ran on machines has ended."""
    for each in scene.recall(_Watched).watchers:
        assert each.status != OK or each.has_left, f"somebody watches {each.text!r} for ever"


def no_output_is_stored(scene: Scene) -> None:
    """A row of a tail says who watches what; nothing of an output, and no ticket, is in it or in the log."""
    for row in scene.rows(TAILS):
        assert not {*row} - STORED, f"a tail stores {sorted({*row} - STORED)}"
    secrets = {TALKING, *(each.ticket for each in scene.recall(_Watched).watchers)}
    told = [line for line in scene.world.lines.texts if any(secret in line for secret in secrets)]
    assert not told, f"the log has {told[0]}"


SIMULATION = Simulation(
    operations=(watch_a_program,) * 3,
    invariants=(a_ticket_opens_one_socket, every_watcher_is_told_the_end, no_output_is_stored),
    promises=("a_machine_sends_what_it_is_asked_for", "a_watcher_sees_its_own_program"),
)

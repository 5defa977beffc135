"""Machines that the control plane makes, by `edgectl` against the routes of their family."""

import json

import pytest
from edgectl.errors import INTERRUPTED, REFUSED

from chalicelib.platform.provisioning.model import Power, State
from tests.support.builders import a_cluster
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_compute import instance_in
from tests.support.terminal import Terminal
from tests.support.world import World


class Compute:
    """The client of a scene: any path of its family."""

    def __init__(self, scene):
        self.request = scene.any


@pytest.fixture
def scene():
    return MachinesScene()


@pytest.fixture
def terminal(scene):
    return Terminal(scene.world, client=Compute(scene))


def ask(terminal, *line):
    ended = terminal.type(*line, "-o", "json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_machine_is_made_and_found_by_its_name_and_beginning_of_its_id(terminal):
    templates = ask(terminal, "templates", "list")
    assert {"id", "zones", "memoryMb"} <= templates[0].keys()

    line = ("--template", templates[0]["id"], "--zone", templates[0]["zones"][0], "--name", "build-3")
    made = ask(terminal, "instances", "create", *line)
    assert made["status"] == "PROVISIONING"
    for text in ("build-3", made["id"][:13], made["id"]):
        assert ask(terminal, "instances", "show", text)["id"] == made["id"]
    assert [row["name"] for row in ask(terminal, "instances", "list")] == ["build-3"]
    assert "build-3" in terminal.type("instances", "list").out


def test_machine_is_stopped_and_removed_after_a_question(terminal, scene):
    running = instance_in(scene, State.READY, power=Power.ON)
    assert ask(terminal, "instances", "stop", running.id)["status"] == "STOPPING"

    assert terminal.type("instances", "delete", running.name, typed="n\n").code == INTERRUPTED
    assert terminal.type("instances", "delete", running.name, "-y").code == 0


def test_refusal_of_the_family_is_a_sentence(terminal):
    ended = terminal.type("instances", "create", "--template", "none-such", "--zone", "local-a")

    assert (ended.code, ended.err.startswith("edgectl: ")) == (REFUSED, True)
    assert "none-such" in ended.err or "template" in ended.err
    assert terminal.type("instances", "list", "--filter", "name=x").err.endswith("takes no filter\n")


def test_control_plane_without_the_family_says_so():
    world = World()
    a_cluster(world)
    ended = Terminal(world).type("instances", "list")

    assert ended.err == "edgectl: this control plane makes none: its family machines is not deployed\n"

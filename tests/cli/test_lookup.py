"""Names and beginnings of ids: what they mean, and in how many requests."""

import json

import pytest
from edgectl.errors import REFUSED
from edgectl.lookup import find
from edgectl.resources.access import API_KEYS
from edgectl.resources.fleet import NODES
from edgectl.resources.work import COMMANDS

from chalicelib.fleet.targeting.model import Targeting, TargetType
from tests.support.builders import a_cluster, a_command, machines
from tests.support.terminal import Terminal
from tests.support.world import World

MOST_REQUESTS = 2


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


@pytest.fixture
def terminal(world):
    return Terminal(world)


def looked_up(terminal, group, text):
    """The id that ``show`` finds, after at most two requests."""
    before = len(terminal.transport.asked)
    ended = terminal.type(group, "show", text, "-o", "json")
    assert ended.code == 0, ended.err
    assert len(terminal.transport.asked) - before <= MOST_REQUESTS + 1  # and the one that shows it
    return json.loads(ended.out)["id"]


def test_machine_is_found_by_each_of_its_names(terminal, world):
    [named] = machines(world, 1, hostname="till-3")
    [other] = machines(world, 1, hostname="till-30")
    terminal.type("aliases", "create", named.id, "--name", "front")

    assert looked_up(terminal, "nodes", "front") == named.id
    assert looked_up(terminal, "nodes", "till-3") == named.id
    assert looked_up(terminal, "nodes", "TILL-30") == other.id
    assert looked_up(terminal, "nodes", other.id[:-3]) == other.id


def test_short_name_of_a_host_is_its_whole_name(terminal, world):
    [named] = machines(world, 1, hostname="web")
    machines(world, 1, hostname="web-2")

    assert looked_up(terminal, "nodes", "web") == named.id
    assert terminal.type("nodes", "show", "we").code == REFUSED


def test_old_command_is_found_by_the_beginning_of_its_id(terminal, world):
    old = a_command(world, targeting=Targeting(type=TargetType.ALL))
    for _ in range(120):
        world.clock.advance(60)
        a_command(world)

    assert looked_up(terminal, "commands", old.id[:8]) == old.id
    assert looked_up(terminal, "commands", old.id[:-1]) == old.id


@pytest.mark.parametrize("text", ["ffff", "ffffffffffff", "0000", "zzzz"])
def test_beginning_that_is_no_time_is_refused_in_a_sentence(terminal, world, text):
    a_command(world)
    ended = terminal.type("commands", "show", text)

    assert (ended.code, ended.err.startswith("edgectl: nothing in commands is called")) == (REFUSED, True)


class Endless:
    """A control plane with more rows than a page has; none of them begins so."""

    def walk(self, _path, most=None, **query):
        return [] if "name" in query else [{"id": f"{number:08x}"} for number in range(most)]


def test_thing_beyond_the_newest_page_needs_its_whole_id():
    with pytest.raises(Exception, match="not among the newest 100 of api-keys: give the whole id"):
        find(Endless(), API_KEYS, "ffff")
    assert {each.ids_tell_time for each in (API_KEYS, NODES)} == {False}
    assert COMMANDS.ids_tell_time

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


ACTS = [
    ("nodes", "delete", "--yes"),
    ("nodes", "block", "--yes"),
    ("nodes", "recovery-key"),
    ("aliases", "delete", "--yes"),
    ("schedules", "delete", "--yes"),
    ("api-keys", "revoke", "--yes"),
    ("clusters", "delete", "--yes"),
]


def test_text_that_names_nothing_is_refused_and_asks_nothing(terminal, world):
    [machine] = machines(world, 1, hostname="till-3")
    terminal.type("aliases", "create", machine.id, "--name", "front")
    before, asked = world.state(), len(terminal.transport.asked)

    for text in ("", " ", "*", "till-*"):
        for group, verb, *more in ACTS:
            ended = terminal.type(group, verb, text, *more)
            assert (ended.code, f"{text!r} names nothing in {group}" in ended.err) == (REFUSED, True)
        assert terminal.type("run", "--on", text, "true").code == REFUSED
    assert (world.state(), len(terminal.transport.asked)) == (before, asked)


def test_row_of_another_name_than_asked_for_is_no_answer():
    class Lax(Endless):
        def walk(self, _path, most=None, **query):
            return [{"id": "1", "name": "other"}] if "name" in query else []

    with pytest.raises(Exception, match="nothing in api-keys is called 'mine'"):
        find(Lax(), API_KEYS, "mine")


def test_beginning_of_a_host_name_is_refused_with_the_names_that_begin_so(terminal, world):
    [longer] = machines(world, 1, hostname="till-30")
    ended = terminal.type("nodes", "delete", "till-3", "--yes")

    assert ended.code == REFUSED
    assert f"no machine is called 'till-3'; did you mean till-30 ({longer.id})?" in ended.err
    assert terminal.type("nodes", "show", longer.id).code == 0


def test_deletion_asks_about_the_machine_that_was_found(terminal, world):
    [machine] = machines(world, 1, hostname="till-3")
    ended = terminal.type("nodes", "delete", machine.id[:-2], typed="n\n")

    assert f"Delete the node till-3 ({machine.id})?" in ended.err
    assert terminal.type("nodes", "delete", "unknown", typed="y\n").err.startswith("edgectl: nothing in nodes")


def test_machine_among_hundreds_of_like_names_is_found_by_its_whole_name():
    class Many:
        def walk(self, path, most=None, **query):
            row = {"id": "z", "hostname": "till-3"}
            begun = [{"id": str(number), "hostname": f"till-3{number}"} for number in range(most)]
            return [] if "name" in query else [row] if "hostname" in query else begun

    assert find(Many(), NODES, "till-3").id == "z"


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

"""Watching executions by `edgectl`: against the real routes and socket handlers, and against a socket that is told."""

import json
from contextlib import contextmanager

import pytest
from edgectl.errors import DEADLINE, REFUSED, SOME_FAILED, CliError
from edgectl.tailing import Tail
from edgectl.tails import LiveTails
from edgectl.writing import Writer

from chalicelib.fleet.commands.model import Report
from tests.support.builders import a_cluster, machines
from tests.support.tails import AGENTS_SOCKET, OPERATORS_SOCKET, a_frame, frames_of, open_socket, say, watchable
from tests.support.terminal import Terminal
from tests.support.world import World


@pytest.fixture
def world():
    world = World(websocket_url="wss://sockets.test/agent")
    a_cluster(world)
    return world


class Sockets:
    """The operator's socket in this process. Whenever nothing has come, ``meanwhile`` lets the agent do something."""

    def __init__(self, world):
        self.world = world
        self.meanwhile = []

    @contextmanager
    def __call__(self, url, ticket):
        assert url == "wss://sockets.test/agent"
        assert open_socket(self.world, ticket, OPERATORS_SOCKET) == 200
        self.waiting = []
        yield self

    def send(self, frame):
        say(self.world, OPERATORS_SOCKET, frame)

    def receive(self, seconds):
        self.waiting += frames_of(self.world, OPERATORS_SOCKET)
        while not self.waiting and self.meanwhile:
            self.meanwhile.pop(0)()
            self.waiting += frames_of(self.world, OPERATORS_SOCKET)
        return self.waiting.pop(0) if self.waiting else None


@pytest.fixture
def sockets(world):
    return Sockets(world)


@pytest.fixture
def terminal(world, sockets):
    terminal = Terminal(world)
    terminal.open_socket = sockets
    return terminal


def agent_says(world, **fields):
    """The agent answers what it was asked last."""

    def act():
        asked = [frame for frame in world.socket_client.frames[AGENTS_SOCKET] if frame["type"] == "tail"]
        say(world, AGENTS_SOCKET, a_frame(asked[-1]["tail"], **fields))

    return act


def agent_ends(world, machine, execution_id, code=0):
    def act():
        world.fleet.commands.executions.report(machine.id, execution_id, Report(False, "whole\n", code, None))
        world.settle()

    return act


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (3, SOME_FAILED)])
def test_tail_shows_output_as_it_comes_and_ends_as_the_command_did(world, sockets, terminal, code, expected):
    machine, execution_id = watchable(world)
    sockets.meanwhile = [
        agent_says(world, sequence=1, text="one\n"),
        agent_says(world, sequence=2, text="two"),
        agent_ends(world, machine, execution_id, code),
        agent_says(world, sequence=3, text="", is_end=True),
    ]
    ended = terminal.type("tail", execution_id[:-2])
    assert (ended.code, ended.out) == (expected, "one\ntwo")
    assert "missing" not in ended.err


@pytest.mark.parametrize(("looks", "code"), [(100, 0), (1000, DEADLINE)])
def test_result_that_comes_long_after_its_output_is_waited_for(world, sockets, terminal, looks, code):
    machine, execution_id = watchable(world)
    sockets.meanwhile = [agent_says(world, sequence=1, text="one\n", is_end=True)]
    left = [agent_ends(world, machine, execution_id), *[lambda: None] * looks]

    def act():
        left.pop()()

    terminal.meanwhile = act
    ended = terminal.type("tail", execution_id)
    assert (ended.code, ended.out) == (code, "one\n")
    assert ("its result has not come" in ended.err) == (code == DEADLINE)


def test_missing_output_is_told_with_the_way_to_all_of_it(world, sockets, terminal):
    machine, execution_id = watchable(world)
    sockets.meanwhile = [
        agent_says(world, sequence=1, skipped=7, text="one\n"),
        agent_says(world, sequence=3, text="three\n"),
        agent_ends(world, machine, execution_id),
        agent_says(world, sequence=4, text="", is_end=True),
    ]
    ended = terminal.type("tail", execution_id)
    assert ended.out == "one\nthree\n"
    assert "7 bytes were left out" in ended.err
    assert "1 messages were lost" in ended.err
    assert f"edgectl executions output {execution_id}" in ended.err


def test_end_without_a_word_of_the_agent_is_noticed(world, sockets, terminal):
    machine, execution_id = watchable(world)
    sockets.meanwhile = [agent_says(world, text="one\n"), agent_ends(world, machine, execution_id)]
    ended = terminal.type("tail", execution_id)
    assert (ended.code, ended.out) == (0, "one\n")


def test_tail_of_an_execution_that_has_ended_prints_its_output(world, terminal):
    machine, execution_id = watchable(world)
    agent_ends(world, machine, execution_id)()
    ended = terminal.type("tail", execution_id)
    assert (ended.code, ended.out) == (0, "whole\n")


def test_agent_of_before_is_named(world, terminal):
    _, execution_id = watchable(world, features=())
    ended = terminal.type("tail", execution_id)
    assert ended.code == REFUSED
    assert "does not offer live output" in ended.err


def test_run_of_an_agent_of_before_shows_its_output_at_the_end(world, terminal):
    (machine,) = machines(world, 1)
    world.settle()

    def work():
        for row in world.fleet.commands.executions.waiting_for(machine.id, 10).pending:
            agent_ends(world, machine, row)()
        world.settle()

    world.settle()
    terminal.meanwhile = lambda: (world.settle(), work())
    ended = terminal.type("run", "--on", machine.id, "--tail", "true")
    assert (ended.code, ended.out) == (0, "whole\n")


class ToldSocket:
    """Gives frames one after the other; an error among them is raised."""

    def __init__(self, *frames):
        self.frames = list(frames)
        self.sent = []

    @contextmanager
    def __call__(self, url, ticket):
        yield self

    def send(self, frame):
        self.sent.append(frame)

    def receive(self, seconds):
        frame = self.frames.pop(0)
        if isinstance(frame, Exception):
            raise frame
        return frame


class ToldClient:
    def post(self, path):
        return {"url": "wss://x", "ticket": "tail_x", "tail_id": "t", "renew_seconds": 60}

    def get(self, path):
        return {"outcome": "open"}


def told(socket, times=()):
    written, notes, moments = [], [], iter(times)
    tail = Tail(ToldClient(), "e", written.append, notes.append, socket, clock=lambda: next(moments, 0.0))
    return tail, written, notes


def output(sequence, text, **fields):
    return {"type": "output", "sequence": sequence, "skipped": 0, "text": text, "is_end": False, **fields}


def test_operator_says_each_minute_that_it_watches():
    socket = ToldSocket(None, output(1, "a"), output(2, "b", is_end=True))
    tail, written, _ = told(socket, times=[0.0, 59.0, 61.0, 70.0])
    tail.follow()
    assert written == ["a", "b"]
    assert socket.sent == [{"type": "watch", "tail": "t"}] * 2


def test_tail_whose_time_is_up_goes_on_over_another_socket():
    socket = ToldSocket(output(1, "a"), {"type": "end", "reason": "time_is_up"}, output(1, "b", is_end=True))
    tail, written, _ = told(socket)
    tail.follow()
    assert written == ["a", "b"]
    assert not tail.is_complete


def test_tail_that_is_no_longer_allowed_ends():
    tail, _, _ = told(ToldSocket({"type": "end", "reason": "not_allowed"}))
    with pytest.raises(CliError, match="may not watch"):
        tail.follow()


def test_machine_that_is_away_is_told():
    tail, _, notes = told(ToldSocket({"type": "watching", "is_connected": False}, output(1, "", is_end=True)))
    tail.follow()
    assert notes == ["its machine is not connected now"]


def test_frames_of_later_versions_are_passed_over():
    tail, written, _ = told(ToldSocket({"type": "news"}, json.loads(json.dumps(output(1, "a", is_end=True)))))
    tail.follow()
    assert written == ["a"]


class ToldCommand(ToldClient):
    """The executions of one command, by id the machine of each."""

    def __init__(self, nodes):
        self.nodes = nodes

    def walk(self, path, **query):
        assert query == {"command_id": "c", "outcome": "open"}
        yield from ({"id": execution_id, "node_id": node_id} for execution_id, node_id in self.nodes.items())


def live(nodes, targets, *frames):
    """The tails of one command, begun twice and waited for."""

    def connect(url, ticket):
        return ToldSocket(*frames)(url, ticket)

    tails = LiveTails(ToldCommand(nodes), connect, Writer())
    for _ in range(2):
        tails.begin({"id": "c", "targets": None, "summary": {"total": targets}})
    return {execution_id: tails.has_shown(execution_id) for execution_id in nodes}


def test_output_of_one_machine_is_shown_as_it_comes(capsys):
    assert live({"e": "till-1"}, 1, output(1, "a\nb"), output(2, "", is_end=True)) == {"e": True}
    assert capsys.readouterr().out == "a\nb"


def test_lines_of_several_machines_have_their_machine_in_front(capsys):
    frames = output(1, "a\nb"), output(2, "c\nd", is_end=True)
    assert live({"e": "till-1", "f": "till-2"}, 2, *frames) == {"e": True, "f": True}
    expected = [f"till-{number}: {text}" for number in (1, 2) for text in ("a", "bc", "d")]
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(expected)


def test_output_with_a_gap_is_shown_again_at_the_end():
    assert live({"e": "till-1"}, 1, output(1, "b", skipped=1), output(2, "", is_end=True)) == {"e": False}


@pytest.mark.parametrize("targets", [None, 0])
def test_run_whose_targets_are_unknown_yet_watches_nothing(targets):
    assert live({"e": "till-1"}, targets) == {"e": False}


def test_many_machines_are_not_watched_which_is_said_once(capsys):
    assert live({"e": "till-1"}, 11) == {"e": False}
    assert capsys.readouterr().err.count("more than 10 machines") == 1

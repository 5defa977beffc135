"""What passes between the socket of an agent and that of an operator who watches an execution."""

import json

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.tails.store import TAILS
from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.tails import (
    AGENTS_SOCKET,
    OPERATORS_SOCKET,
    a_frame,
    frames_of,
    open_socket,
    say,
    watch,
    watchable,
)
from tests.support.world import World


@pytest.fixture
def world():
    world = World(websocket_url="wss://sockets.test/agent")
    a_cluster(world)
    return world


@pytest.fixture
def watched(world):
    """A machine and its execution."""
    return watchable(world)


def ask(world, execution_id, **options):
    return operator(world).post(f"/api/v1/command_executions/{execution_id}/tail", **options)


@pytest.fixture
def tail_id(world, watched):
    """A tail whose operator watches."""
    return watch(world, ask(world, watched[1]))


def rows(world):
    return world.driver.rows(TAILS)


def is_open(world, connection_id):
    return connection_id in world.socket_client.frames


def test_agent_is_asked_for_output_when_its_operator_watches_and_not_before(world, watched):
    answer = ask(world, watched[1])
    assert frames_of(world, AGENTS_SOCKET) == []
    tail_id = watch(world, answer)
    asked = {"type": "tail", "tail": tail_id, "execution_id": watched[1], "seconds": 120}
    assert frames_of(world, AGENTS_SOCKET) == [asked]
    assert frames_of(world, OPERATORS_SOCKET) == [{"type": "watching", "is_connected": True}]


def test_output_is_passed_on_to_its_operator_and_stored_nowhere(world, watched, tail_id):
    frames_of(world, OPERATORS_SOCKET)
    state = world.state()
    say(world, AGENTS_SOCKET, a_frame(tail_id, 1, text="one\n"))
    say(world, AGENTS_SOCKET, a_frame(tail_id, 3, text="three\n", skipped=7))
    assert frames_of(world, OPERATORS_SOCKET) == [
        {"type": "output", "sequence": 1, "skipped": 0, "text": "one\n", "is_end": False},
        {"type": "output", "sequence": 3, "skipped": 7, "text": "three\n", "is_end": False},
    ]
    assert world.state() == state


def test_frame_of_an_agent_costs_two_reads_and_a_post(world, watched, tail_id):
    world.driver.meter.reset()
    say(world, AGENTS_SOCKET, a_frame(tail_id))
    calls = world.driver.meter.calls
    assert (len(calls), sum(call.read_units for call in calls), sum(call.write_units for call in calls)) == (2, 2, 0)


def test_end_of_the_command_ends_the_tail(world, watched, tail_id):
    say(world, AGENTS_SOCKET, a_frame(tail_id, is_end=True))
    assert frames_of(world, OPERATORS_SOCKET)[-1]["is_end"] is True
    assert rows(world) == []


def test_watching_on_after_a_lost_end_closes_the_operators_socket(world, watched, tail_id):
    world.socket_client.fails_with = "LimitExceededException"
    say(world, AGENTS_SOCKET, a_frame(tail_id, is_end=True))
    world.socket_client.fails_with = None
    say(world, OPERATORS_SOCKET, {"type": "watch", "tail": tail_id})
    assert not is_open(world, OPERATORS_SOCKET)


@pytest.mark.parametrize("gone", ["operator", "row", "time"])
def test_agent_that_nobody_watches_is_told_to_stop(world, watched, tail_id, gone):
    frames_of(world, AGENTS_SOCKET)
    if gone == "operator":
        del world.socket_client.frames[OPERATORS_SOCKET]
    elif gone == "row":
        say(world, AGENTS_SOCKET, a_frame(tail_id, is_end=True))
    else:
        world.clock.advance(3601)
    say(world, AGENTS_SOCKET, a_frame(tail_id, 2))
    assert frames_of(world, AGENTS_SOCKET) == [{"type": "tail", "tail": tail_id, "execution_id": "", "seconds": 0}]
    assert rows(world) == []


def test_frame_of_another_node_is_not_passed_on(world, watched, tail_id):
    (other,) = machines(world, 1)
    assert open_socket(world, other.token, "another") == 200
    frames_of(world, OPERATORS_SOCKET)
    say(world, "another", a_frame(tail_id, text="forged"))
    assert frames_of(world, OPERATORS_SOCKET) == []
    assert frames_of(world, "another")[-1]["seconds"] == 0
    assert len(rows(world)) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"sequence": 0},
        {"sequence": "1"},
        {"skipped": -1},
        {"text": None},
        {"text": "x" * 40_000},
        {"text": "\x01" * 8_000},
        {"is_end": 1},
    ],
    ids=str,
)
def test_frame_of_no_valid_form_is_dropped(world, watched, tail_id, broken):
    frames_of(world, OPERATORS_SOCKET)
    say(world, AGENTS_SOCKET, a_frame(tail_id, **broken))
    assert frames_of(world, OPERATORS_SOCKET) == []
    assert is_open(world, AGENTS_SOCKET)


def test_ticket_is_good_for_one_socket_and_a_minute(world, watched):
    answer = ask(world, watched[1])
    assert open_socket(world, answer.data["ticket"], "first") == 200
    assert open_socket(world, answer.data["ticket"], "second") == 401
    late = ask(world, watched[1])
    world.clock.advance(61)
    assert open_socket(world, late.data["ticket"], "third") == 401
    assert open_socket(world, "tail_" + "0" * 64, "fourth") == 401


def test_tail_of_another_socket_is_not_renewed(world, watched, tail_id):
    other = ask(world, watched[1])
    assert open_socket(world, other.data["ticket"], "other") == 200
    frames_of(world, AGENTS_SOCKET)
    say(world, "other", {"type": "watch", "tail": tail_id})
    assert frames_of(world, AGENTS_SOCKET) == []
    assert not is_open(world, "other")
    assert is_open(world, OPERATORS_SOCKET)


def test_operators_socket_is_closed_for_anything_else_that_it_says(world, watched, tail_id):
    say(world, OPERATORS_SOCKET, "ping")
    assert not is_open(world, OPERATORS_SOCKET)


@pytest.mark.parametrize("word", ["watch", "tail"])
def test_socket_without_a_tail_is_closed(world, word):
    world.socket_client.frames["strange"] = []
    say(world, "strange", {"type": word, "tail": "x", "sequence": 1, "skipped": 0, "text": "", "is_end": False})
    assert not is_open(world, "strange")


def test_watching_an_execution_that_has_ended_meanwhile_ends(world, watched, tail_id):
    machine, execution_id = watched
    world.fleet.commands.executions.report(machine.id, execution_id, Report(False, "out", 0, None))
    frames_of(world, OPERATORS_SOCKET)
    frames = world.socket_client.frames[OPERATORS_SOCKET]
    say(world, OPERATORS_SOCKET, {"type": "watch", "tail": tail_id})
    assert frames == [{"type": "end", "reason": "execution_ended"}]
    assert not is_open(world, OPERATORS_SOCKET)
    assert rows(world) == []


def test_watching_ends_after_an_hour(world, watched, tail_id):
    frames = world.socket_client.frames[OPERATORS_SOCKET]
    world.clock.advance(3600)
    say(world, OPERATORS_SOCKET, {"type": "watch", "tail": tail_id})
    assert frames[-1] == {"type": "end", "reason": "time_is_up"}


def test_watching_ends_when_its_key_is_revoked(world, watched):
    key = world.key_with(role=KeyRole.OPERATOR)
    tail_id = watch(world, ask(world, watched[1], key=key))
    key_id = operator(world).get("/api/v1/api_keys").data[0]["id"]
    assert operator(world).delete(f"/api/v1/api_keys/{key_id}").status == 204
    frames = world.socket_client.frames[OPERATORS_SOCKET]
    say(world, OPERATORS_SOCKET, {"type": "watch", "tail": tail_id})
    assert frames[-1] == {"type": "end", "reason": "not_allowed"}


def test_agent_without_a_socket_is_told_to_its_operator(world, watched, tail_id):
    frames_of(world, OPERATORS_SOCKET)
    del world.socket_client.frames[AGENTS_SOCKET]
    say(world, OPERATORS_SOCKET, {"type": "watch", "tail": tail_id})
    assert frames_of(world, OPERATORS_SOCKET) == [{"type": "watching", "is_connected": False}]


def test_frames_that_the_management_api_refuses_are_lost_and_the_tail_goes_on(world, watched, tail_id):
    world.socket_client.fails_with = "LimitExceededException"
    say(world, AGENTS_SOCKET, a_frame(tail_id))
    world.socket_client.fails_with = None
    frames_of(world, OPERATORS_SOCKET)
    say(world, AGENTS_SOCKET, a_frame(tail_id, 2))
    assert [frame["sequence"] for frame in frames_of(world, OPERATORS_SOCKET)] == [2]


def test_two_operators_watch_one_execution_each_by_a_tail_of_its_own(world, watched, tail_id):
    second = watch(world, ask(world, watched[1]), "second operator")
    frames_of(world, OPERATORS_SOCKET)
    frames_of(world, "second operator")
    say(world, AGENTS_SOCKET, a_frame(second, text="for the second"))
    assert frames_of(world, OPERATORS_SOCKET) == []
    assert frames_of(world, "second operator")[0]["text"] == "for the second"


def test_beats_of_agents_are_beats_as_before(world, watched):
    for frame in (json.dumps({"type": "ping"}), "", "no JSON", '["tail"]', '{"type": ["tail"], "tail": 1}'):
        world.clock.advance(60)
        say(world, AGENTS_SOCKET, frame)
        seen = operator(world).get(f"/api/v1/nodes/{watched[0].id}").data["last_seen_at"]
        assert seen == to_seconds_text(world.clock.now())

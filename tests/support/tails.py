"""Machines that can be watched, operators who watch, and their frames."""

import json
from typing import Any

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.targeting.model import Targeting, TargetType
from tests.support.builders import Machine, a_command, machines
from tests.support.client import HttpAnswer
from tests.support.world import World

AGENTS_SOCKET = "socket-of-the-agent"
OPERATORS_SOCKET = "socket-of-the-operator"

Json = dict[str, Any]


def watchable(world: World, **fields: Any) -> tuple[Machine, str]:
    """A connected machine whose agent offers live output, and the id of an execution that waits for it."""
    (machine,) = machines(world, 1, **{"features": ("tail",), **fields})
    open_socket(world, machine.token, AGENTS_SOCKET)
    made = a_command(world, targeting=Targeting(type=TargetType.NODES, node_ids=(machine.id,)))
    world.settle()
    execution_id = next(str(row["id"]) for row in world.driver.rows(EXECUTIONS) if row["command_id"] == made.id)
    world.socket_client.frames[AGENTS_SOCKET].clear()
    return machine, execution_id


def open_socket(world: World, bearer: str, connection_id: str) -> int:
    """Try a handshake; returns its status."""
    event = _event(world, connection_id)
    event["multiValueHeaders"] = {"Authorization": [f"Bearer {bearer}"]}
    world.socket_client.frames[connection_id] = []
    return int(world.call("chalicelib.fleet.workers.connections.connect", event)["statusCode"])


def watch(world: World, answer: HttpAnswer, connection_id: str = OPERATORS_SOCKET) -> str:
    """Use the ticket of an answer, and ask for output; returns the id of the tail."""
    assert answer.status == 201, answer.text
    assert open_socket(world, answer.data["ticket"], connection_id) == 200
    tail_id = str(answer.data["tail_id"])
    say(world, connection_id, {"type": "watch", "tail": tail_id})
    return tail_id


def say(world: World, connection_id: str, frame: Json | str) -> None:
    """One frame from a socket."""
    body = frame if isinstance(frame, str) else json.dumps(frame)
    world.call("chalicelib.fleet.workers.connections.message", {**_event(world, connection_id), "body": body})


def frames_of(world: World, connection_id: str) -> list[Json]:
    """The frames that a socket got since the last look."""
    frames = [json.loads(frame) if isinstance(frame, str | bytes) else frame for frame in _frames(world, connection_id)]
    _frames(world, connection_id).clear()
    return frames


def a_frame(tail_id: str, sequence: int = 1, **fields: Any) -> Json:
    """A piece of output as an agent sends it."""
    return {
        "type": "tail",
        "tail": tail_id,
        "sequence": sequence,
        "skipped": 0,
        "text": "out\n",
        "is_end": False,
        **fields,
    }


def _frames(world: World, connection_id: str) -> list[Any]:
    return world.socket_client.frames[connection_id]


def _event(world: World, connection_id: str) -> Json:
    context = {
        "connectionId": connection_id,
        "connectedAt": int(world.clock.now().timestamp() * 1000),
        "requestId": f"request-{connection_id}",
        "identity": {"sourceIp": "198.51.100.9"},
    }
    return {"requestContext": context}

"""Wake-up frames: the work as far as it fits, ids beyond, and never a secret's value."""

import json

from chalicelib.fleet.commands.model import Command
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.transport.dispatch import IDS_PER_FRAME
from chalicelib.fleet.transport.frames import Delivery, frames_of
from chalicelib.kit.sockets import FRAME_BYTES


def a_command(text="true", **fields):
    now = "2026-11-21T10:00:00Z"
    given = {"id": "c-1", "targeting": Targeting(type=TargetType.ALL), "inserted_at": now, "updated_at": now}
    return Command(command_text=text, **{**given, **fields})


def frames(ids, commands=None, kind="executions"):
    made = list(frames_of(Delivery("n-1", kind, ids), commands or {}))
    assert all(len(json.dumps(frame, separators=(",", ":"))) <= FRAME_BYTES for frame in made)
    return made


def test_frame_without_commands_is_that_of_before():
    assert frames(["e-1"]) == [{"type": "executions", "ids": ["e-1"]}]
    assert frames(["e-1"], kind="cancel") == [{"type": "cancel", "ids": ["e-1"]}]
    assert frames([], kind="self_update") == [{"type": "self_update"}]


def test_frame_has_what_the_agent_needs_to_run():
    command = a_command("say", timeout=5, expired_at="2026-11-22T10:00:00Z", secrets={"B": "b-secret", "A": "a-secret"})
    (frame,) = frames(["e-1"], {"e-1": command})
    assert frame["work"] == [
        {
            "id": "e-1",
            "command_id": "c-1",
            "command_text": "say",
            "timeout": 5,
            "expired_at": "2026-11-22T10:00:00Z",
            "secret_variables": ["A", "B"],
        }
    ]
    assert 'secret"' not in json.dumps(frame)


def test_only_executions_with_a_command_are_told():
    (frame,) = frames(["e-1", "e-2"], {"e-2": a_command()})
    assert frame["ids"] == ["e-1", "e-2"]
    assert [work["id"] for work in frame["work"]] == ["e-2"]


def test_text_that_does_not_fit_is_left_to_the_list():
    commands = {"e-1": a_command("x" * FRAME_BYTES), "e-2": a_command("é" * 5000), "e-3": a_command()}
    (frame,) = frames(["e-1", "e-2", "e-3"], commands)
    assert [work["id"] for work in frame["work"]] == ["e-2", "e-3"]
    assert frames(["e-1"], commands) == [{"type": "executions", "ids": ["e-1"]}]


def test_frame_is_filled_to_its_last_byte_and_no_further():
    frame = {"type": "executions", "ids": ["e-1"]}
    whole = {**frame, "work": [{**next(iter(frames(["e-1"], {"e-1": a_command("")})))["work"][0]}]}
    most = FRAME_BYTES - len(json.dumps(whole, separators=(",", ":"))) - 1
    assert "work" in frames(["e-1"], {"e-1": a_command("x" * most)})[0]
    assert "work" not in frames(["e-1"], {"e-1": a_command("x" * (most + 2))})[0]


def test_many_executions_keep_all_ids_and_tell_what_fits():
    ids = [f"{place:036}" for place in range(2 * IDS_PER_FRAME)]
    made = frames(ids, dict.fromkeys(ids, a_command("x" * 200)))
    assert [len(frame["ids"]) for frame in made] == [IDS_PER_FRAME, IDS_PER_FRAME]
    assert all(0 < len(frame["work"]) < IDS_PER_FRAME for frame in made)

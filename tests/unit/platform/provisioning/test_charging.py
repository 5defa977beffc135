"""Whether a thing is there, as its tenant pays for it."""

import pytest

from chalicelib.platform.provisioning.charging import is_there
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, Seen, State
from chalicelib.platform.provisioning.rules import noted

AT = "2026-11-20T00:00:00Z"
GOING = {"desired": Desired.ABSENT}


def row(state, **values):
    known = {"kind": "volume", "name": "v", "external": {"id": "vol-1"}, "inserted_at": AT, "updated_at": AT}
    return Resource(id="v", tenant="t", state=state, **{**known, **values})


@pytest.mark.parametrize("state", [State.READY, State.CHANGING, State.FAILED])
def test_thing_that_was_made_is_there_also_if_it_has_failed(state):
    assert is_there(row(state))


def test_thing_that_could_not_be_removed_is_there():
    assert is_there(row(State.FAILED, **GOING))


@pytest.mark.parametrize(
    "one",
    [
        row(State.PENDING),
        row(State.CREATING),
        row(State.DELETING, **GOING),
        row(State.GONE, **GOING),
        row(State.FAILED, is_released=True),
        row(State.FAILED, external={}),
        noted(row(State.FAILED), Observation(Seen.BROKEN)),
    ],
)
def test_thing_that_is_not_made_is_going_or_broken_is_not(one):
    assert not is_there(one)


def test_broken_thing_that_is_usable_again_is_there():
    assert is_there(noted(row(State.FAILED, is_broken=True), Observation(Seen.READY)))

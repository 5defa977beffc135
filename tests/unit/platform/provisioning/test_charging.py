"""Whether a thing is there, as its tenant pays for it."""

import pytest

from chalicelib.platform.provisioning.charging import is_there, is_usable
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, Seen, State
from chalicelib.platform.provisioning.moves import LOOKS_BETWEEN_REQUESTS
from chalicelib.platform.provisioning.rules import noted
from tests.unit.platform.provisioning.scenes import at

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
        row(State.DELETING, **GOING),  # it has never been ready
        row(State.GONE, **GOING),
        row(State.FAILED, is_released=True),
        row(State.FAILED, external={}),
        noted(row(State.FAILED), Observation(Seen.BROKEN)),
        noted(row(State.READY), Observation(Seen.ENDING)),
    ],
)
def test_thing_that_is_not_made_is_going_or_broken_is_not(one):
    assert not is_there(one)


def test_broken_thing_that_is_usable_again_is_there():
    assert is_there(noted(row(State.FAILED, is_broken=True), Observation(Seen.READY)))


def going(state=State.DELETING, **values):
    """One that was ready, and shall go."""
    return row(state, **{**GOING, "done_generation": 1, "generation": 2, **values})


def test_thing_that_shall_go_is_there_until_its_provider_is_asked():
    assert is_there(going())
    assert not is_there(going(leased_until=at(120)))


@pytest.mark.parametrize("state", [State.DELETING, State.FAILED])
@pytest.mark.parametrize("seen", Seen)
def test_thing_whose_removal_was_asked_for_is_not_there_soon_after(state, seen):
    asked = going(state, is_going=True, attempts=LOOKS_BETWEEN_REQUESTS - 1)
    assert not is_there(noted(asked, Observation(seen)))


@pytest.mark.parametrize("state", [State.DELETING, State.FAILED])
def test_thing_that_a_removal_has_left_there_is_there_again(state):
    asked = going(state, is_going=True, attempts=LOOKS_BETWEEN_REQUESTS)
    assert is_there(noted(asked, Observation(Seen.READY)))
    assert not is_there(noted(asked, Observation(Seen.ENDING)))
    assert not is_there(noted(asked, Observation(Seen.MISSING)))


def test_thing_that_may_be_gone_is_usable_and_a_broken_or_lost_one_is_not():
    assert is_usable(going(State.FAILED, is_going=True))
    assert not is_usable(row(State.FAILED, is_broken=True))
    assert not is_usable(row(State.FAILED, is_released=True))

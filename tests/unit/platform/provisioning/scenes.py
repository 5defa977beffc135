"""Resources in each state, and sights of their things."""

from datetime import timedelta
from typing import Any

from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.provisioning.model import Desired, Observation, Power, Resource, Seen, State
from chalicelib.platform.provisioning.ports import Kind
from tests.support.fakes.clock import START

NOW = START

ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"


def at(seconds: float) -> str:
    """Seconds text, from now."""
    return to_seconds_text(NOW + timedelta(seconds=seconds))


def no_driver(_container: Any) -> Any:
    raise AssertionError("rules ask no driver")


BOX = Kind(name="box", driver=no_driver, has_power=True)


def resource(state: State, **values: Any) -> Resource:
    """A resource that is due, as it is in the middle of that state: asked for an hour ago, and seen."""
    given: dict[str, Any] = {
        "generation": 1,
        "asked_generation": 1,
        "done_generation": 1,
        "power": Power.ON,
        "external": {"id": "b-1"},
        "asked_at": at(-3600),
        "is_seen": True,
        "due_at": at(0),
        "inserted_at": at(-3600),
        "updated_at": at(-3600),
    }
    match state:
        case State.PENDING:
            given |= {"external": {}, "is_seen": False, "asked_at": None, "asked_generation": 0, "done_generation": 0}
        case State.CREATING:
            given |= {"done_generation": 0, "asked_at": at(-10)}
        case State.CHANGING:
            given |= {"generation": 2}
        case State.DELETING:
            given |= {"generation": 2, "desired": Desired.ABSENT}
        case State.FAILED:
            given |= {"reason": "It broke"}
        case State.GONE:
            given |= {"desired": Desired.ABSENT, "is_released": True, "expires_epoch": int(NOW.timestamp()) + 600}
        case _:
            pass
    return Resource(id=ID, tenant="one", kind="box", name="a", state=state, **{**given, **values})


def sight(seen: Seen, **values: Any) -> Observation:
    """A sight of the thing of that resource."""
    return Observation(seen, {} if seen is Seen.MISSING else {"id": "b-1"}, **values)

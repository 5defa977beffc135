"""Repeated requests: the same request with the same key is answered with the same thing, however often and late."""

from collections import Counter

from tests.simulation.scene import NothingThereError, RefusedError, Scene, Simulation
from tests.support.fakes.dynamo import Plan

CREATE = ".create"


class _Made:
    """How many things requests have made, by kind: what schedules make, they make without a request."""

    def __init__(self) -> None:
        self.by_kind: Counter[str] = Counter()


def note_things(scene: Scene, _operation: str, plan: Plan) -> None:
    for write, _, old, new in plan:
        thing = write.table.thing
        if old is None and new is not None and thing is not None and not thing.made_with and "schedule" not in new:
            verb = str((new.get("changed_by") or {}).get("verb", ""))  # type: ignore[union-attr]
            scene.recall(_Made).by_kind[thing.kind] += verb == f"{thing.kind}{CREATE}"


def repeat_request(scene: Scene) -> None:
    """Somebody sends a request again whose answer she may not have seen."""
    if not scene.created:
        raise NothingThereError("requests")
    path, options, answer = scene.rng.choice(scene.created)
    again = scene.ask("POST", path, **options)
    with scene.holding("repeat_request"):
        assert again.status == answer.status, f"{path} was {answer.status}, and repeated {again.status}"
        assert again.data == answer.data, f"{path} made {answer.data['id']}, and repeated {again.data['id']}"


def each_answer_is_kept(scene: Scene) -> None:
    """At rest a repeat is answered as the request was."""
    for path, options, answer in scene.created:
        try:
            again = scene.ask("POST", path, **options)
        except RefusedError as error:
            raise AssertionError(f"{path} was {answer.status}, and repeated {error}") from error
        assert again.data == answer.data, f"{path} made {answer.data}, and repeated {again.data}"


def each_request_makes_one_thing(scene: Scene) -> None:
    """However often it is sent: also where no answer came, and the work was done."""
    for kind, made in scene.recall(_Made).by_kind.items():
        asked = scene.asked[f"{kind}s"]
        assert made <= asked, f"{made} of {kind} were made, {asked} asked for"


SIMULATION = Simulation(
    operations=(repeat_request,),
    invariants=(each_answer_is_kept, each_request_makes_one_thing),
    watches=(note_things,),
)

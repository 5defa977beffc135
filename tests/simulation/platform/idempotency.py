"""Repeated requests: the same request with the same key is answered with the same thing, however often and late."""

from collections import defaultdict

from tests.simulation.engine.gateway import REPEATED_BY
from tests.simulation.scene import CREATED, NothingThereError, Scene, Simulation
from tests.support.fakes.dynamo import Plan

CREATE = ".create"


class _Made:
    """What requests have made, by their ``Idempotency-Key``: rows as they wrote them, and the ids of things by kind."""

    def __init__(self) -> None:
        self.rows: defaultdict[str, list[str]] = defaultdict(list)
        self.things: defaultdict[tuple[str, str], set[str]] = defaultdict(set)


def each_request_makes_one_thing(scene: Scene, _operation: str, plan: Plan) -> None:
    """However often it is sent, whether an answer came or not."""
    repeated_by = REPEATED_BY.get()
    if not repeated_by:
        return
    made = scene.recall(_Made)
    for write, _, old, new in plan:
        if new is None:
            continue
        made.rows[repeated_by].append(str(new))
        thing, verb = write.table.thing, str((new.get("changed_by") or {}).get("verb", ""))  # type: ignore[union-attr]
        if old is None and thing is not None and not thing.made_with and verb == f"{thing.kind}{CREATE}":
            things = made.things[repeated_by, thing.kind]
            things.add(str(write.table.key_of(new)))
            assert len(things) == 1, f"a request and its repeats made {len(things)} of {thing.kind}: {sorted(things)}"


def repeat_request(scene: Scene) -> None:
    """Somebody sends a request again whose answer she may not have seen."""
    made = [post for post in scene.posts if post.has_made and post.by_operator]
    if not made:
        raise NothingThereError("requests")
    post = scene.rng.choice(made)
    again, answer = scene.ask("POST", post.path, **post.options), post.answer
    with scene.holding("repeat_request"):
        assert answer is not None
        assert again.status == answer.status, f"{post.path} was {answer.status}, and repeated {again.status}"
        assert again.data == answer.data, f"{post.path} made {answer.data['id']}, and repeated {again.data['id']}"


def each_answer_is_kept(scene: Scene) -> None:
    """At rest a repeat is answered as the request was. One who may not any more is refused."""
    for post in scene.posts:
        if post.answer is None or post.answer.status != CREATED:
            continue
        again = scene.gateway.ask("POST", post.path, **post.options)
        assert again is not None
        if again.status == CREATED or post.by_operator:
            told = f"{post.path} made {post.answer.text}, and repeated is {again.status} {again.text}"
            assert (again.status, again.json.get("data")) == (CREATED, post.answer.data), told


def each_answer_names_what_was_made(scene: Scene) -> None:
    """No record promises a thing that its request did not make."""
    for post in scene.posts:
        if post.answer is not None and post.has_made and "id" in post.answer.data:
            rows, wanted = scene.recall(_Made).rows[post.key], str(post.answer.data["id"])
            assert any(wanted in row for row in rows), f"{post.path} promises {post.answer.text}, and made {rows}"


SIMULATION = Simulation(
    operations=(repeat_request,),
    invariants=(each_answer_is_kept, each_answer_names_what_was_made),
    watches=(each_request_makes_one_thing,),
)

"""Random histories of requests with keys, crashes and lost answers, against a model that remembers answers in a
dictionary."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.fleet.api.operator import commands
from chalicelib.fleet.commands.store import COMMANDS
from chalicelib.platform.idempotency.store import KEPT
from tests.support.client import MASTER_KEY, Client, HttpAnswer
from tests.support.fakes.dynamo import Crash
from tests.support.world import World

OTHER_KEY = "another-key-of-an-operator"
TEXTS = ("uptime", "reboot", " ")
"""The last is refused."""


@dataclass(frozen=True)
class Step:
    """One request, and what befalls it. ``wait`` are the hours before it."""

    key: str
    text: str
    caller: str
    trouble: str
    wait: int


steps = st.builds(
    Step,
    key=st.sampled_from(("a", "b")),
    text=st.sampled_from(TEXTS),
    caller=st.sampled_from((MASTER_KEY, OTHER_KEY)),
    trouble=st.sampled_from(("none", "none", "crash before", "crash after", "lost answer", "conflict")),
    wait=st.sampled_from((0, 0, 1, 13)),
)


@dataclass
class Model:
    """Remembers the answer of what was carried out, by caller and key, with its request and its end."""

    answered: dict[tuple[str, str], tuple[str, str, datetime]] = field(default_factory=dict)
    made: int = 0

    def expected(self, step: Step, now: datetime) -> tuple[int, str | None]:
        """The status, and the text where it was given before."""
        kept = self.answered.get((step.caller, step.key))
        if kept is not None and now < kept[2]:
            return (201, kept[1]) if kept[0] == step.text else (409, None)
        return (422, None) if step.text == " " else (201, None)

    def note(self, step: Step, answer: HttpAnswer, now: datetime) -> None:
        if answer.status == 201 and "idempotency-replayed" not in answer.headers:
            self.made += 1
            self.answered[step.caller, step.key] = (step.text, answer.text, now + KEPT)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=12))
def test_random_history_is_answered_as_the_model_says(history: Sequence[Step]):
    world = World(api_key=OTHER_KEY)
    client = Client([commands.routes], world.fleet)
    world.platform.sealer.keys.newest()
    model = Model()
    for step in history:
        world.clock.advance(3600 * step.wait)
        now = world.clock.now()
        status, text = model.expected(step, now)
        answer = told(world, client, step, model)
        assert answer.status == status
        if text is not None:
            assert answer.text == text
        assert len(world.driver.rows(COMMANDS)) == model.made


def told(world: World, client: Client, step: Step, model: Model) -> HttpAnswer:
    """The answer that the caller gets in the end: it repeats what got none."""

    def ask() -> HttpAnswer:
        body = {"command_text": step.text, "targeting": {"type": "all"}}
        headers = {"Idempotency-Key": step.key}
        return client.post("/api/v1/commands", json=body, headers=headers, key=step.caller)

    is_over = False

    def die() -> None:
        if not is_over:  # a refused request leaves this to the next
            raise Crash

    match step.trouble:
        case "crash before":
            world.driver.before_next(die, operation="TransactWriteItems")
        case "crash after":
            world.driver.crash_after(1)
        case "lost answer":
            world.driver.fail_next(1, "lost_answer", operation="TransactWriteItems")
        case "conflict":
            world.driver.fail_next(1, "conflict", operation="TransactWriteItems")
    now, before = world.clock.now(), len(world.driver.rows(COMMANDS))
    try:
        answer = ask()
    except Crash:
        answer = ask()
        if "idempotency-replayed" in answer.headers and len(world.driver.rows(COMMANDS)) > before:
            answer.headers.pop("idempotency-replayed")  # the call that died was the first
    is_over = True
    world.driver.crash_after(1_000_000)
    model.note(step, answer, now)
    return answer

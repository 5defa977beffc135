"""What a thousand and fifty thousand rows cost alike: first pages, an agent's calls, sweeps with nothing due.

Calls and read units are counted. Time is the processor time of our own code: what the fake takes to answer is measured
apart and left out. It walks over what DynamoDB does not, as emulators do; the time that DynamoDB takes for a page does
not depend on the table's size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.report import Figure, wide_table
from tests.bench.stopwatch import Stopwatch, no_collection
from tests.support.large_world import LargeWorld, large_world

TITLE = "Growth: 50,000 rows beside 1,000"

SMALL = 1_000
LARGE, QUICK_LARGE = 50_000, 3_000
REPEATS, QUICK_REPEATS = 50, 1

MOST_TIME = 1.25
"""Own time with many rows, as a part of that with few. Nothing in our code depends on the number: the rest is noise."""


@dataclass(frozen=True)
class Question:
    """Something that is asked again and again, where there are many rows of a ``kind``. ``is_counted`` where nobody
    keeps the total, so that the keys of the list are counted, up to LIST_READ_LIMIT."""

    name: str
    kind: str
    ask: Callable[[LargeWorld], Any]
    is_counted: bool = False


def _list(view: str, kind: str, *, is_counted: bool = False, **query: str) -> Question:
    """The first page of a list; values of the query are formatted with the names of the world."""

    def ask(made: LargeWorld) -> Any:
        given = {name: value.format(**made.names) for name, value in query.items()}
        return made.scene.ask(view, query=given, checked=False)

    shown = " ".join(f"{name}={value.strip('{}')}" for name, value in query.items())
    return Question(f"{view} {shown}".strip(), kind, ask, is_counted)


def _agent(name: str, view: str, kind: str, **options: Any) -> Question:
    return Question(name, kind, lambda made: made.scene.ask(view, checked=False, **options))


def _sweep(worker: str, kind: str) -> Question:
    return Question(f"{worker} with nothing due", kind, lambda made: made.world.sweep(worker))


QUESTIONS = (
    _list("list_clusters", "clusters"),
    _list("list_clusters", "clusters", name="north"),
    _list("list_keys", "enrollment_keys"),
    _list("list_keys", "enrollment_keys", cluster_name="north"),
    _list("list_keys", "enrollment_keys", key="{blob}"),
    _list("list_nodes", "nodes"),
    _list("list_nodes", "nodes", status="healthy"),
    _list("list_nodes", "nodes", cluster_name="north"),
    _list("list_nodes", "nodes", labels="env:prod", is_counted=True),
    _list("list_nodes", "nodes", search="{node}"),
    _list("list_aliases", "aliases"),
    _list("list_aliases", "aliases", cluster_name="north"),
    _list("list_commands", "commands"),
    _list("list_executions", "command_executions"),
    _list("list_executions", "command_executions", status="completed"),
    _list("list_executions", "command_executions", command_id="{command}"),
    _list("list_executions", "command_executions", node_id="{node}", is_counted=True),
    _list("list_executions", "command_executions", cluster_name="north"),
    _list("list_self_update_requests", "self_update_requests"),
    _list("list_ssh_usernames", "ssh_usernames"),
    _list("list_ssh_usernames", "ssh_usernames", node_id="{node}", is_counted=True),
    _list("list_ssh_public_keys", "ssh_public_keys"),
    _list("list_webhooks", "webhooks"),
    _list("list_deliveries", "deliveries", is_counted=True),
    _agent("agent poll", "list_own_executions", "nodes", query={"status": "pending"}),
    _agent(
        "agent poll of a node that ran them all", "list_own_executions", "command_executions", query={"status": "sent"}
    ),
    _agent("agent heartbeat", "report_health", "nodes"),
    _sweep("sweep_commands", "commands"),
    _sweep("check_health", "nodes"),
)


class _Site:
    """A world with many rows of a kind, or with few."""

    def __init__(self, count: int, kind: str) -> None:
        self._made = large_world(count, [kind])
        self._watch = Stopwatch(self._made.world.driver)

    def own_seconds(self, question: Question) -> float:
        return self._watch.own_seconds(lambda: question.ask(self._made))

    @property
    def calls(self) -> int:
        """Of the last question, as `read_units`."""
        return len(self._made.scene.calls)

    @property
    def read_units(self) -> float:
        return sum(call.read_units for call in self._made.scene.calls)


def measure(*, quick: bool) -> Iterator[Figure]:
    large, repeats = (QUICK_LARGE, QUICK_REPEATS) if quick else (LARGE, REPEATS)
    for kind in dict.fromkeys(question.kind for question in QUESTIONS):
        few, many = _Site(SMALL, kind), _Site(large, kind)
        with no_collection():
            for question in QUESTIONS:
                if question.kind == kind:
                    yield from _figures(question, few, many, repeats)


def table(figures: Sequence[Figure]) -> str:
    return wide_table("with many rows", figures)


def _figures(question: Question, few: _Site, many: _Site, repeats: int) -> Iterator[Figure]:
    # By turns, and the best of each: what else the machine does meets both, and only ever adds.
    rounds = 1 if question.is_counted else repeats
    seconds = [(few.own_seconds(question), many.own_seconds(question)) for _ in range(rounds + 1)][1:]
    targets = (None, None) if question.is_counted else (few.calls, few.read_units)
    yield Figure(f"{question.name}: calls", many.calls, "calls", targets[0], counted=True)
    yield Figure(f"{question.name}: read units", many.read_units, "read units", targets[1], counted=True)
    if not question.is_counted:
        ratio = min(large for _, large in seconds) / min(small for small, _ in seconds)
        yield Figure(f"{question.name}: own time", round(ratio, 2), "of that with 1,000", MOST_TIME)

"""The world of one history, and the values by which a context takes part in it."""

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Item, Table
from tests.simulation.engine.coverage import Coverage
from tests.simulation.engine.gateway import IDEMPOTENCY_KEY, Exchange, Gateway
from tests.simulation.engine.hosts import Hosts
from tests.simulation.engine.machine import Machine
from tests.simulation.engine.weather import Weather
from tests.simulation.engine.world import SimulatedWorld
from tests.support.client import HttpAnswer
from tests.support.fakes.dynamo import Plan

T = TypeVar("T")

DEADLINE_SECONDS = 1200


class Scene:
    """``machines`` are those that were ever set up, deleted ones too: operations on them are refused. ``api_keys`` are
    the texts of named keys by id, ``strangers`` the ids of things at the provider that no resource made. ``mends`` end
    the faults, when the world comes to rest. ``log`` has what happened, with its second."""

    def __init__(self, seed: int, faults: frozenset[str]) -> None:
        self.seed = seed
        self.faults = faults
        self.coverage = Coverage(self._seconds)
        self.weather = Weather(seed, faults, self.coverage.fault)
        self.world = SimulatedWorld(seed, self.weather)
        self._began = self.world.clock.now()
        self.gateway = Gateway(self.world)
        self.machines: list[Machine] = []
        Hosts(self.world.machine_client, self.world.timeline, partial(self.set_up, updates=True))
        self.api_keys: dict[str, list[str]] = {}
        self.strangers: set[str] = set()
        self.log: list[str] = []
        self.mends: list[Callable[[], None]] = []
        self.violations: list[tuple[str, str]] = []
        self._rng = Random(f"{seed} scene")
        self.posts: list[Post] = []
        """The requests to make something, each once, however often it was sent."""
        self._notes: dict[type, Any] = {}

    def _seconds(self) -> float:
        return (self.world.clock.now() - self._began).total_seconds()

    def note(self, text: str) -> None:
        """Write a line of what happened."""
        self.log.append(f"{self._seconds():.3f} {text}")

    def recall(self, kind: type[T]) -> T:
        """What a context keeps about this history: one value of a type of its own, made when it is first asked for."""
        if kind not in self._notes:
            self._notes[kind] = kind()
        return self._notes[kind]  # type: ignore[no-any-return]

    @property
    def rng(self) -> Random:
        """The chance of the operation that asks: each has its own, so that leaving one out moves no other."""
        worker = self.world.worker
        if worker is not None and worker.rng is not None:
            return worker.rng
        return self._rng

    @property
    def fleet(self) -> Any:
        return self.world.fleet

    def wait(self, seconds: float) -> None:
        """Let others go on meanwhile."""
        self.world.clock.sleep(seconds)

    def ask(self, method: str, path: str, **options: Any) -> HttpAnswer:
        """An operator's request. One that got no answer, or an error of the server, is sent again a moment later, with
        the same ``Idempotency-Key`` if it creates something. Raises `RefusedError`."""
        is_new = method == "POST" and "headers" not in options
        if is_new:
            options["headers"] = {IDEMPOTENCY_KEY: _a_key(self.rng)}
        post = self.posted(path, options) if is_new else None
        for _ in range(MOST_REPEATS):
            answer = self.gateway.ask(method, path, **options)
            if answer is not None and answer.status < SERVER_ERROR:
                if post is not None:
                    post.answer = answer
                if answer.status >= REFUSED:
                    raise RefusedError(answer.status, answer.text)
                return answer
            self.wait(self.rng.uniform(0.5, 20))
        raise RefusedError(0, "no answer")

    def posted(self, path: str, options: Mapping[str, Any], *, by_operator: bool = True) -> "Post":
        """Note a request to make something. One that gets no answer is sent again when the world comes to rest."""
        post = Post(path, options, by_operator)
        self.posts.append(post)
        self.mends.append(lambda: self.world.start("asks again", partial(self._ask_again, post)))
        return post

    def _ask_again(self, post: "Post") -> None:
        if post.answer is None:
            post.answer = self.gateway.ask("POST", post.path, **post.options)

    def rows(self, table: Table) -> list[Item]:
        return self.world.driver.rows(table)

    def told(self, event: str) -> list[dict[str, Any]]:
        """The lines of the application's log of an event."""
        mark = f'"{event}"'
        return [json.loads(text) for text in self.world.lines.texts if mark in text]

    def some_name(self) -> str:
        """One of a few names, so that operations meet on the same things."""
        return self.rng.choice(("north", "south", "west"))

    def some_row(self, table: Table) -> Item:
        """A row of the table. Raises `NothingThereError`."""
        rows = sorted(self.rows(table), key=lambda row: str(table.key_of(row)))
        if not rows:
            raise NothingThereError(table.name)
        return self.rng.choice(rows)

    def some_machine(self) -> Machine:
        """A machine that was set up. Raises `NothingThereError`."""
        if not self.machines:
            raise NothingThereError("machines")
        return self.rng.choice(self.machines)

    def set_up(self, key: str, key_id: str, node_id: str = "", *, updates: bool) -> Machine:
        """A new machine with this enrollment key starts its agent, with the id that it was given or one of its own."""
        number = len(self.machines)
        node_id = node_id or Ids.uuid7(self.world.ids, self.world.clock.now())
        machine = Machine(self.world, self.gateway, number, node_id, (key_id, key), updates=updates)
        self.machines.append(machine)
        self.world.timeline.after(0, machine.boot)
        return machine

    def holding(self, what: str) -> "_Holding":
        """Note an `AssertionError` as a violation of what is to hold always, and another error as one of what looks
        after it, and go on."""
        return _Holding(self.violations, what)


class _Holding:
    """A class, and no generator: a history enters tens of thousands."""

    __slots__ = ("_violations", "_what")

    def __init__(self, violations: list[tuple[str, str]], what: str) -> None:
        self._violations, self._what = violations, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, AssertionError):
            self._violations.append((self._what, str(error)))
        elif isinstance(error, Exception):  # it must not reach the program that is watched
            text = f"{self._what}: {type(error).__name__}: {error} {where(error)}"
            self._violations.append(("watch_broken", text))
        return isinstance(error, Exception)


@dataclass
class Post:
    """A request to make something, and its last answer, None while there was none. ``options`` are those of
    `Gateway.ask`; ``by_operator``: its key is never revoked."""

    path: str
    options: Mapping[str, Any]
    by_operator: bool
    answer: HttpAnswer | None = None

    @property
    def key(self) -> str:
        return str(self.options["headers"][IDEMPOTENCY_KEY])

    @property
    def has_made(self) -> bool:
        return self.answer is not None and self.answer.status == CREATED


def where(error: BaseException) -> str:
    """The last lines of code that an error passed."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    return " < ".join(f"{Path(each.filename).name}:{each.lineno}" for each in reversed(frames))


MOST_FRAMES = 3
MOST_REPEATS = 4
SERVER_ERROR = 500
REFUSED = 400
CREATED = 201


def _a_key(rng: Random) -> str:
    return f"key-{rng.getrandbits(64):016x}"


class NothingThereError(Exception):
    """There is nothing yet that the operation could be done to."""


class RefusedError(Exception):
    """The API refused a request."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}"[:200])
        self.status = status


Watch = Callable[[Scene, str, Plan], None]
Ear = Callable[[Scene, Exchange], None]


@dataclass(frozen=True)
class Simulation:
    """The part of one context.

    ``operations`` may be refused (`EdgeError`, `RefusedError`); each runs beside the others, and `Scene.wait` lets time
    pass in it. ``openings`` come first in each history. ``invariants`` raise AssertionError and are checked at rest;
    ``watches`` are told of each call that writes (its operation, and its rows before and after) and raise it at once.
    ``exact`` are invariants that hold at any time: they are checked before each recount, which would mend it.
    ``ears`` are told of each request that the application answered, and raise it too.
    ``promises`` are names of what its operations check themselves, besides their own (`Scene.holding`).
    ``faults`` disturb the world now and then, each seed draws some of them, and what they leave is ended by
    `Scene.mends`.
    """

    operations: tuple[Callable[[Scene], object], ...] = ()
    invariants: tuple[Callable[[Scene], None], ...] = ()
    exact: tuple[Callable[[Scene], None], ...] = ()
    faults: tuple[Callable[[Scene], None], ...] = ()
    openings: tuple[Callable[[Scene], object], ...] = ()
    watches: tuple[Watch, ...] = ()
    ears: tuple[Ear, ...] = ()
    promises: tuple[str, ...] = ()

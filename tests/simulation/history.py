"""Plays one history: operations of all contexts at random times, beside each other, in the weather that a seed draws;
then all faults end, the world comes to rest, and every invariant has to hold."""

import gc
import hashlib
import json
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import Any

from chalicelib.kit.errors import EdgeError
from chalicelib.kit.tables import BusyError
from tests.simulation import failures
from tests.simulation.engine.coverage import Coverage
from tests.simulation.engine.gateway import Exchange
from tests.simulation.engine.programs import simulated
from tests.simulation.engine.weather import SHARES
from tests.simulation.scene import Ear, NothingThereError, RefusedError, Scene, Simulation, Watch, where
from tests.support.declared import FAMILIES, handler_of
from tests.support.fakes.dynamo import Crash, Plan
from tests.support.fakes.timeline import Killed
from tests.support.world import scheduled_event

OPERATIONS = 60
FAULTS = 25
FAULT_SHARE = 0.4
"""Of all faults, how many a seed draws on average."""

FOCUS_SHARE = 0.5
"""Of histories, how many play the operations of one context more often than others."""

FOCUS_WEIGHT = 8
MEAN_PAUSE_SECONDS = 25.0
RESTS = (1500, 6000, 12000)
"""How many seconds it may take, in ever longer steps, until everything has to be at rest."""

REPLAYED_EVERY = 4
"""Of so many histories, at rest, one has its streams replayed. That changes nothing."""
REPLAY_SECONDS = 600
MOMENT_SECONDS = 97
"""No whole minutes: schedules come with these."""

LARGE_FLEET = "large_fleet"
REPLAY = "replay_streams"

REFUSALS = (EdgeError, RefusedError, NothingThereError, BusyError, Crash, Killed)


def simulations(family: str = "") -> list[Simulation]:
    """The simulation of each context that has one: ``tests.simulation.<family>.<context>``. Of one family alone, those
    of the platform are there too."""
    names = [
        f"tests.simulation.{each.name}.{context.name}"
        for each in FAMILIES.each
        if family in {"", each.name} or each.name == "platform"
        for context in each.contexts
    ]
    return [failures.SIMULATION, *(import_module(name).SIMULATION for name in names if _exists(name))]


def _exists(name: str) -> bool:
    return find_spec(name.rpartition(".")[0]) is not None and find_spec(name) is not None


@dataclass(frozen=True)
class Step:
    """What happens at some second of a history, with a chance of its own."""

    number: int
    at: float
    act: Callable[[Scene], object]
    is_fault: bool = False


@dataclass(frozen=True)
class Score:
    """What a seed draws: what is to be played. ``faults`` are the names of those that are on."""

    seed: int
    faults: frozenset[str]
    steps: tuple[Step, ...]


@dataclass
class Played:
    """A history that was played. ``failure`` is the first invariant that did not hold, with what it said."""

    score: Score
    log: list[str]
    coverage: Coverage
    seconds: float
    digest: str
    failure: tuple[str, str] | None = None
    stopped: list[str] = field(default_factory=list)


class HistoryError(Exception):
    """What is to hold always does not."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(text)
        self.invariant = invariant


def every_fault(parts: Sequence[Simulation]) -> list[str]:
    """The names of all faults."""
    return sorted({*SHARES, *(fault.__name__ for part in parts for fault in part.faults)})


def score_of(
    seed: int, parts: Sequence[Simulation], needed: Collection[str] = (), operations: int = OPERATIONS
) -> Score:
    """What the seed draws; ``needed`` faults are on in any case."""
    rng = Random(f"{seed} score")
    on = {name for name in every_fault(parts) if rng.random() < FAULT_SHARE} | set(needed)
    focus = rng.choice([part for part in parts if part.operations]) if rng.random() < FOCUS_SHARE else None
    every = [each for part in parts for each in part.operations * (FOCUS_WEIGHT if part is focus else 1)]
    events = [fault for part in parts for fault in part.faults if fault.__name__ in on]
    openings = [opening for part in parts for opening in part.openings]
    steps: list[Step] = []
    at = 0.0
    for number in range(operations):
        act = openings[number] if number < len(openings) else rng.choice(every)
        steps.append(Step(number, at, act))
        at += rng.choice(
            (0.0, 0.05, 3.0, rng.expovariate(1 / MEAN_PAUSE_SECONDS), rng.expovariate(1 / MEAN_PAUSE_SECONDS))
        )
    numbers = range(operations, operations + FAULTS if events else operations)
    steps += [Step(number, rng.uniform(20, at), rng.choice(events), is_fault=True) for number in numbers]
    return Score(seed, frozenset(on), tuple(steps))


def play(score: Score, parts: Sequence[Simulation], rests: Sequence[float] = RESTS) -> Played:
    """Play it. An invariant that does not hold is the result's ``failure``, and so is the death of a machine's process
    that passes its machine: as a `SystemExit` it would end the runner with success."""
    with simulated(is_large=LARGE_FLEET in score.faults):
        scene = Scene(score.seed, score.faults)
        scene.weather.strikes(LARGE_FLEET)
        scene.world.driver.on_write = partial(_watch, scene, [watch for part in parts for watch in part.watches])
        scene.gateway.heard.append(partial(_hear, scene, [ear for part in parts for ear in part.ears]))
        failure = None
        try:
            _perform(scene, score)
            failure = _rest(scene, parts, rests)
        except HistoryError as error:
            failure = (error.invariant, str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a finding like any other: it has a seed
            failure = (f"crash:{type(error).__name__}", f"{error} {where(error)}")
        finally:
            digest = _digest(scene)
            _end(scene)
        seconds = scene._seconds()  # noqa: SLF001
        return Played(score, scene.log, scene.coverage, seconds, digest, failure, scene.world.failures)


def _end(scene: Scene) -> None:
    """Free what the history holds. Code that was broken off warns of that, which says nothing here."""
    scene.world.timeline.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for machine in scene.machines:
            machine.clear()
        gc.collect()


def _watch(scene: Scene, watches: Sequence[Watch], operation: str, plan: Plan) -> None:
    for watch in watches:
        with scene.holding(watch.__name__):
            watch(scene, operation, plan)


def _hear(scene: Scene, ears: Sequence[Ear], exchange: Exchange) -> None:
    for ear in ears:
        with scene.holding(ear.__name__):
            ear(scene, exchange)


def _perform(scene: Scene, score: Score) -> None:
    for step in score.steps:
        rng = Random(f"{score.seed} step {step.number}")
        act = _disturb if step.is_fault else operate
        begin = partial(scene.world.start, step.act.__name__, partial(act, scene, step.act), rng=rng)
        scene.world.timeline.after(step.at, begin)
    _run(scene, max((step.at for step in score.steps), default=0.0) + 60)


def operate(scene: Scene, operation: Callable[[Scene], object]) -> None:
    """Do it, and write down how that ended. What may be refused is; passes on `Crash` and `Killed`."""
    name = operation.__name__
    scene.coverage.operation(name)
    scene.note(f"{name} begins")
    try:
        operation(scene)
    except REFUSALS as error:
        outcome = type(error).__name__
        scene.note(f"{name}: {outcome} {error}"[:160])
        scene.coverage.outcome(name, outcome)
        if isinstance(error, Crash | Killed):
            raise
    else:
        scene.note(f"{name} ends")
        scene.coverage.outcome(name, "done")


def _disturb(scene: Scene, fault: Callable[[Scene], None]) -> None:
    try:
        fault(scene)
    except REFUSALS:
        return
    scene.coverage.fault(fault.__name__)
    scene.note(fault.__name__)


def _run(scene: Scene, seconds: float) -> None:
    until = scene.world.clock.now() + timedelta(seconds=seconds)
    scene.world.timeline.run(until, lambda: bool(scene.violations))
    if scene.violations:
        raise HistoryError(*scene.violations[0])


def _rest(scene: Scene, parts: Sequence[Simulation], rests: Sequence[float]) -> tuple[str, str] | None:
    """End every fault, and let time pass until every invariant holds. Returns the first that never does."""
    scene.note("rest")
    scene.weather.clear()
    for mend in scene.mends:
        mend()
    for machine in scene.machines:
        machine.boot()
    failure = None
    for seconds in rests:
        _run(scene, seconds / 2)
        scene.world.redrive()
        scene.world.calm_since = min(scene.world.calm_since, scene.world.clock.now())
        scene.world.driver.collect_expired()
        _run(scene, seconds / 2)
        drifted = _first_broken(scene, [exact for part in parts for exact in part.exact])
        if drifted is not None:
            return drifted
        _daily(scene, "recount")
        failure = _first_broken(scene, [invariant for part in parts for invariant in part.invariants])
        if failure is None:
            return _after_a_replay(scene, parts) if scene.seed % REPLAYED_EVERY == 0 else None
        scene.note(f"not yet: {failure[0]}")
    return failure


def _after_a_replay(scene: Scene, parts: Sequence[Simulation]) -> tuple[str, str] | None:
    """Every change record so far comes again, and totals, which count them, are recounted. Returns the first invariant
    that does not hold any more."""
    scene.note("replay at rest")
    scene.coverage.fault(REPLAY)
    scene.world.replay()
    _run(scene, REPLAY_SECONDS)
    drifted = _first_broken(scene, [exact for part in parts for exact in part.exact])
    if drifted is not None:
        return drifted
    _daily(scene, "recount")
    invariants = [invariant for part in parts for invariant in part.invariants]
    failure = _first_broken(scene, invariants)
    if failure is not None:  # what is due by the clock may be under way just then
        _run(scene, MOMENT_SECONDS)
        failure = _first_broken(scene, invariants)
    return failure


def _daily(scene: Scene, worker: str) -> None:
    """Run a scheduled function of long intervals, and let it end."""
    scene.world.start(worker, lambda: scene.world.call(handler_of(worker), scheduled_event(worker)))
    _run(scene, 120)


def _first_broken(scene: Scene, invariants: Sequence[Callable[[Scene], None]]) -> tuple[str, str] | None:
    for invariant in invariants:
        try:
            invariant(scene)
        except AssertionError as error:
            return invariant.__name__, str(error)
    return None


def _digest(scene: Scene) -> str:
    """A digest of all that is left at the end."""
    text = json.dumps(scene.world.driver.snapshot(), default=_plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)

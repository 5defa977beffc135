"""Plays random operations of all contexts on one world, and checks every invariant at rest; a seed decides a run.

python -m tests.simulation.runner [RUNS] [FIRST SEED]
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

from chalicelib.kit.errors import EdgeError
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.support.declared import FAMILIES

OPERATIONS = 60
MOST_WRITES_BEFORE_A_CRASH = 20
SWEEPS = ("sweep_commands", "sweep_webhooks", "check_health", "heartbeat", "sweep_provisioning", "report_strangers")
FAULT_SHARE = 0.5
"""Of all faults, how many a seed draws on average."""

RESTS = 3
"""How often the sweeps run, an hour apart, until everything has to be at rest."""


def simulations() -> list[Simulation]:
    """The simulation of each context that has one: ``tests.simulation.<family>.<context>``."""
    names = [
        f"tests.simulation.{family.name}.{context.name}" for family in FAMILIES.each for context in family.contexts
    ]
    return [import_module(name).SIMULATION for name in names if _exists(name)]


def _exists(name: str) -> bool:
    return find_spec(name.rpartition(".")[0]) is not None and find_spec(name) is not None


def run(seed: int, parts: Sequence[Simulation], operations: int = OPERATIONS) -> Scene:
    """One run. Raises AssertionError with the seed and the operations where an invariant does not hold."""
    scene = Scene(seed)
    every = [operation for part in parts for operation in part.operations]
    faults = [fault for part in parts for fault in part.faults if scene.rng.random() < FAULT_SHARE]
    try:
        for _ in range(operations):
            _operate(scene, scene.rng.choice(every))
            if faults and scene.rng.random() < 0.1:
                _disturb(scene, scene.rng.choice(faults))
            if scene.rng.random() < 0.4:
                _settle(scene)
        _rest(scene)
        for part in parts:
            for invariant in part.invariants:
                invariant(scene)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}; operations: {', '.join(scene.log)}") from error
    return scene


def _operate(scene: Scene, operation: object) -> None:
    assert callable(operation)
    try:
        operation(scene)
    except (EdgeError, NothingThereError) as error:
        scene.log.append(f"{operation.__name__} ({type(error).__name__})")
    else:
        scene.log.append(operation.__name__)
    scene.world.clock.advance(scene.rng.choice((0, 1, 30)))


def _disturb(scene: Scene, fault: Callable[[Scene], None]) -> None:
    try:
        fault(scene)
    except NothingThereError:
        return
    scene.log.append(fault.__name__)


def _settle(scene: Scene) -> None:
    """Let the workers work; sometimes everything is delivered twice, or a worker is killed between two writes."""
    crash_after = scene.rng.randint(1, MOST_WRITES_BEFORE_A_CRASH) if scene.rng.random() < 0.3 else None
    scene.world.settle(twice=scene.rng.random() < 0.3, crash_after=crash_after)


def _rest(scene: Scene) -> None:
    world = scene.world
    for mend in scene.mends:
        mend()
    for _ in range(RESTS):
        world.queue_client.release_delayed()
        world.settle()
        world.clock.advance(3600)
        for worker in SWEEPS:
            world.sweep(worker)
    world.queue_client.release_delayed()
    world.settle()


def main(arguments: Sequence[str]) -> None:
    """Run that many seeds from the first on."""
    runs, first = (int(arguments[0]) if arguments else 100), (int(arguments[1]) if len(arguments) > 1 else 1)
    parts = simulations()
    for seed in range(first, first + runs):
        run(seed, parts)
    print(  # noqa: T201 - the command's answer
        f"{runs} runs of {OPERATIONS} operations, seeds {first} to {first + runs - 1}: all invariants hold"
    )


if __name__ == "__main__":
    main(sys.argv[1:])

"""Sixty histories hold every invariant; a history is the same for the same seed; a planted bug is found, and shrunk."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.kit.tables import Add, Update
from tests.simulation.engine.machine_ports import Dead
from tests.simulation.fleet import clusters
from tests.simulation.history import play, score_of, simulations
from tests.simulation.scene import Simulation
from tests.simulation.shrinking import shrink

PARTS = simulations()
MOST_SECONDS = 200
"""Of each processor. Above that they have become too dear for every change, or one goes on for ever."""
RUNS = 30
PROCESSES = 2
SHORT = (300,)


@pytest.mark.timeout(900)
def test_random_histories_keep_every_invariant():
    """The same seeds each time: 60. They take 60 to 95 s of two processors. `make simulate` plays more."""
    options = ["--every", str(PROCESSES), "--runs", str(RUNS), "--most-seconds", str(MOST_SECONDS)]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.simulation.runner", "--seed", str(first), *options],
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join((".", "samples/agent"))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for first in range(1, 1 + PROCESSES)
    ]
    told = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * PROCESSES, "\n".join(told)


def test_same_seed_gives_the_same_history():
    first, second = (play(score_of(7, PARTS), PARTS) for _ in range(2))
    assert first.log == second.log
    assert first.digest == second.digest


def test_simulation_parts_have_invariants_and_operations():
    assert len(PARTS) >= 12
    assert all(part.invariants for part in PARTS)
    assert sum(len(part.operations) for part in PARTS) >= 40


def die(scene):
    def unheeded():
        raise Dead

    scene.world.timeline.after(0, unheeded)


def test_death_of_a_process_that_passes_its_machine_is_a_finding():
    broken = [clusters.SIMULATION, Simulation(operations=(die,))]
    failed = next(played for seed in range(1, 11) if (played := play(_short(seed, broken), broken, SHORT)).failure)
    assert failed.failure is not None
    assert failed.failure[0] == "crash:Dead"


def miscount(scene):
    cluster = scene.some_row(CLUSTERS)
    wrong = Update(CLUSTERS, {"name": cluster["name"]}, (Add("node_count", 1),))
    scene.world.platform.tables.write(wrong, "cluster.miscounted")


# Slow: it is about what a history that fails prints, which is read by hand.
@pytest.mark.slow
def test_simulation_finds_and_shrinks_a_broken_invariant():
    broken = [clusters.SIMULATION, Simulation(operations=(miscount,))]
    failed = next(played for seed in range(1, 11) if (played := play(_short(seed, broken), broken, SHORT)).failure)
    assert failed.failure is not None
    assert failed.failure[0] == "counts_are_those_of_the_rows"
    least = shrink(failed, lambda score: play(score, broken, SHORT), most_tries=25)
    names = [step.act.__name__ for step in least.score.steps]
    assert "miscount" in names
    assert len(names) < len(failed.score.steps) / 2


def _short(seed, parts):
    """A history that mostly rests for no longer than it must."""
    score = score_of(seed, parts, operations=25)
    return replace(score, faults=frozenset())

"""Twenty runs hold every invariant, a run is the same for the same seed, and a planted bug is found."""

import pytest

from tests.simulation.runner import run, simulations
from tests.simulation.scene import Simulation

PARTS = simulations()


@pytest.mark.parametrize("seed", range(1, 21))
def test_random_operations_keep_every_invariant_at_rest(seed):
    run(seed, PARTS)


def test_same_seed_gives_the_same_simulation_run():
    assert run(7, PARTS).log == run(7, PARTS).log


def test_simulation_parts_have_operations_and_invariants():
    assert len(PARTS) >= 8
    assert all(part.operations and part.invariants for part in PARTS)


def test_simulation_finds_a_broken_invariant():
    def nodes_do_not_count(scene):
        machine = scene.some_machine()
        scene.world.platform.tables.write(_miscount(machine.node.cluster_name), "cluster.miscounted")

    broken = Simulation(operations=(nodes_do_not_count,) * 5)

    def search():
        for seed in range(1, 11):
            run(seed, [*PARTS, broken])

    with pytest.raises(AssertionError, match=r"seed \d+: .*operations: "):
        search()


def _miscount(name):
    from chalicelib.fleet.clusters.store import TABLE as CLUSTERS  # noqa: PLC0415 - the planted bug alone needs it
    from chalicelib.kit.tables import Add, Update  # noqa: PLC0415

    return Update(CLUSTERS, {"name": name}, (Add("node_count", 1),))

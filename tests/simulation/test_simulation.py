"""Twenty runs hold every invariant, a run is the same for the same seed, and a planted bug is found."""

import pytest

from tests.simulation.runner import run, simulations
from tests.simulation.scene import Simulation

PARTS = simulations()


@pytest.mark.parametrize("seed", range(1, 21))
def test_every_invariant_holds_at_rest(seed):
    run(seed, PARTS)


def test_the_same_seed_is_the_same_run():
    assert run(7, PARTS).log == run(7, PARTS).log


def test_the_contexts_bring_their_own_parts():
    assert len(PARTS) >= 8
    assert all(part.operations and part.invariants for part in PARTS)


def test_a_broken_rule_is_found():
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

import pytest

from tests.unit.fleet.nodes.world import World


@pytest.fixture
def world() -> World:
    """An installation with one cluster, `alpha`."""
    world = World()
    world.cluster()
    return world

"""What tests of the whole API share: a world with one cluster, and an operator's calls. A file may have its own."""

import pytest

from tests.builders import a_cluster
from tests.callers import operator
from tests.world import World


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


@pytest.fixture
def client(world):
    return operator(world)

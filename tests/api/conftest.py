"""What tests of the whole API share: a world with one cluster, and an operator's calls. A file may have its own."""

import pytest

from tests.support.builders import a_cluster
from tests.support.callers import operator
from tests.support.world import World


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


@pytest.fixture
def client(world):
    return operator(world)

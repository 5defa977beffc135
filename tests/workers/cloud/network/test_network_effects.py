"""The worker that has VPCs followed by their main route tables: late, twice, and after a crash."""

import pytest

from chalicelib.cloud.network.model import VPC
from chalicelib.cloud.network.names import ROUTE_TABLE, main_table_of
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.provisioning.model import Desired, State
from tests.support.networks import NetworkScene


@pytest.fixture
def scene():
    return NetworkScene()


@pytest.fixture
def vpc(scene):
    """A VPC of whose row nobody has told yet."""
    made = scene.vpc()
    scene.moving.queue_client.sent.clear()
    return made


def follow(scene, vpc):
    scene.cloud.main_tables.follow(DEFAULT_TENANT, vpc["id"])


def mains(scene, vpc):
    return [row for row in scene.moving.rows() if row.id == main_table_of(vpc["id"])]


def test_main_table_is_made_once_however_often_it_is_told(scene, vpc):
    for _ in range(2):
        follow(scene, vpc)
    (table,) = mains(scene, vpc)
    assert (table.kind, table.name, table.parents, table.version) == (ROUTE_TABLE, "main", (), 1)
    assert table.spec == {"vpc_id": vpc["id"], "vpc_block": "10.4.0.0/16", "is_main": True, "routes": []}


def test_vpc_that_began_to_go_before_it_was_told_has_no_main_table(scene, vpc):
    scene.ask("DELETE", f"/vpcs/{vpc['id']}")
    follow(scene, vpc)
    assert mains(scene, vpc) == []


def test_vpc_that_begins_to_go_while_its_table_is_made_takes_it_along(scene, vpc):
    own = scene.moving.platform.resources(DEFAULT_TENANT)
    worker = type(scene.cloud.main_tables)(lambda _tenant: Going(own, vpc["id"]))
    worker.follow(DEFAULT_TENANT, vpc["id"])
    (table,) = mains(scene, vpc)
    assert table.desired is Desired.ABSENT


def test_table_of_a_vpc_whose_row_is_over_is_removed_once(scene, vpc):
    follow(scene, vpc)
    scene.ask("DELETE", f"/vpcs/{vpc['id']}")
    for _ in range(2):
        follow(scene, vpc)
    (table,) = mains(scene, vpc)
    assert (table.desired, table.generation) == (Desired.ABSENT, 2)
    scene.reach(vpc, State.GONE)
    scene.moving.pass_time(2 * 3600, step=60)
    follow(scene, vpc)
    assert mains(scene, vpc) == []


class Going:
    """The resources of a tenant, of which a VPC is deleted just before its main table is made."""

    def __init__(self, own, vpc_id):
        self._own, self._vpc_id = own, vpc_id

    def __getattr__(self, name):
        return getattr(self._own, name)

    def create(self, new, operation):
        self._own.delete(VPC, self._vpc_id, "vpc.deleted")
        return self._own.create(new, operation)

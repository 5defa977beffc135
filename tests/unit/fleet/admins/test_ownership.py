"""Who owns a cluster, as far as a computation tells."""

from datetime import timedelta

import pytest

from chalicelib.fleet.admins.model import Admin, Assignment, Snapshot
from chalicelib.fleet.admins.ownership import owners_of, routes_of
from chalicelib.fleet.admins.rules import LIVE_FOR
from chalicelib.kit.clock import to_seconds_text
from tests.support.fakes.clock import START

CLUSTER = "admin-cluster-default"


def admin(name, queue=""):
    return Admin(name=name, admin_cluster_name=CLUSTER, max_wireguard_peers=9, delivery_queue_url=queue)


def snapshot(**fields):
    given = {
        "computed_at": to_seconds_text(START),
        "topology": (admin("a"), admin("b", "https://b")),
        "assignment": Assignment(owned={"a": ("x",), "b": ("y", "z")}, orphaned=("w",)),
        "total_nodes": 3,
    }
    return Snapshot(admin_cluster_name=CLUSTER, **{**given, **fields})


def test_cluster_owners_are_those_of_the_assignment():
    owners = owners_of(snapshot(), START)
    assert {cluster: owner.name for cluster, owner in owners.items()} == {"x": "a", "y": "b", "z": "b"}


def test_routes_name_only_owners_with_a_queue():
    assert routes_of(snapshot(), START) == {"y": "https://b", "z": "https://b"}


@pytest.mark.parametrize(
    "unknown", [None, snapshot(assignment=None), snapshot(computed_at=None)], ids=["none", "too large", "never"]
)
def test_missing_computation_gives_no_owners_and_no_routes(unknown):
    assert owners_of(unknown, START) == {}
    assert routes_of(unknown, START) == {}


@pytest.mark.parametrize(("age", "known"), [(timedelta(0), True), (LIVE_FOR, False), (-timedelta(minutes=5), True)])
def test_computation_older_than_a_heartbeats_life_is_ignored(age, known):
    """A computation by a clock ahead of ours counts too."""
    assert bool(owners_of(snapshot(), START + age)) is known

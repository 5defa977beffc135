"""What the mesh has to follow."""

from types import SimpleNamespace

import pytest

from chalicelib.fleet.mesh.queues import VPN
from chalicelib.kit.changes import Change
from chalicelib.platform.relay.reactions import Reactions
from tests.support.declared import FAMILIES

ALIAS = {"id": "a-1", "node_id": "n-1", "cluster_name": "north", "name": "web"}
CLUSTER = {"id": "c-1", "name": "north", "node_count": 0}
NODE = {"id": "n-1", "cluster_id": "c-1", "cluster_name": "north", "netmaker_host_id": "h-1", "status": "healthy"}


def messages(table, old, new, *, has_mesh=True):
    stamp = {"operation": "tested", "request_id": "r-1", "at": "t"}
    reactions = Reactions(FAMILIES, SimpleNamespace(has_mesh=has_mesh))
    change = Change(table, *(row and {**row, "changed_by": stamp} for row in (old, new)), "1", False)
    return [send.message for send in reactions.messages(change) if send.queue == VPN]


@pytest.mark.parametrize("images", [(None, ALIAS), (ALIAS, None)])
def test_alias_change_is_sent_to_the_mesh(images):
    assert messages("aliases", *images) == [{"kind": "alias", "id": "a-1", "cluster_name": "north", "name": "web"}]


@pytest.mark.parametrize("images", [(None, CLUSTER), (CLUSTER, None)])
def test_cluster_change_is_sent_to_the_mesh(images):
    assert messages("clusters", *images) == [{"kind": "cluster", "name": "north"}]


def test_moved_replaced_or_deleted_node_is_sent_to_the_mesh():
    before = {"kind": "node", "id": "n-1", "host_id": "h-1", "cluster_name": "north"}

    assert messages("nodes", NODE, {**NODE, "cluster_id": "c-2", "cluster_name": "south"}) == [before]
    assert messages("nodes", NODE, {**NODE, "netmaker_host_id": "h-2"}) == [before]
    assert messages("nodes", NODE, None) == [before]


def test_change_irrelevant_to_the_mesh_sends_nothing():
    assert messages("nodes", None, NODE) == []  # it enrolled by being in the network
    assert messages("nodes", NODE, {**NODE, "status": "unreachable"}) == []
    assert messages("clusters", CLUSTER, {**CLUSTER, "node_count": 1}) == []


@pytest.mark.parametrize("table", ["aliases", "clusters", "nodes"])
def test_installation_without_a_mesh_sends_nothing(table):
    row = {**NODE, **CLUSTER, **ALIAS}

    assert messages(table, None, row, has_mesh=False) == messages(table, row, None, has_mesh=False) == []

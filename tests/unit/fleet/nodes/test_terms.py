"""The terms of nodes: which writes a change of a row needs, and that they fit into its transaction."""

import pytest

from chalicelib.fleet.aliases.model import MOST_PER_NODE
from chalicelib.fleet.labels import MOST
from chalicelib.fleet.nodes.model import IdType, Node, NodeAlias, Status
from chalicelib.fleet.nodes.store import node_from_item, node_to_item
from chalicelib.fleet.nodes.term_store import NODE_TERMS, changed, entries_of
from chalicelib.fleet.nodes.terms import NAME_CHARACTERS, fingerprint, is_marked, marked
from chalicelib.kit.tables import TRANSACTION_LIMIT, Delete, Put
from tests.unit.fleet.nodes.world import PORTS, node_id

BESIDE_A_MOVE = 7
"""Writes of a registration into another cluster besides aliases and terms: node, presence, two counts, the use of a key
and its check; one may come on top."""


def node(**values):
    said = {
        "id": node_id(1),
        "cluster_id": "c1",
        "cluster_name": "alpha",
        "id_type": IdType.PERSISTENT,
        "status": Status.HEALTHY,
        "agent_version": "1.0.0",
        "self_update_enabled": False,
        "token_digest": "",
        "api_token_sealed": b"",
        "proxy_password_sealed": b"",
        "last_seen_at": "2026-11-21T10:00:00Z",
        "inserted_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z",
        **values,
    }
    return marked(Node(**PORTS, **said))


def aliases(count):
    return tuple(NodeAlias(id=f"a{number}", name=f"door-{number}") for number in range(count))


def positions(writes, kind):
    return sorted(tuple(write.key.values()) for write in writes if isinstance(write, kind))


def terms(writes, kind):
    return [term.rpartition("#")[0] for term, _ in positions(writes, kind)]


class TestChanges:
    def test_new_node_has_an_entry_for_its_id_its_host_name_and_each_label(self):
        writes = changed(None, node(hostname="Till-3", key_labels={"env": "prod"}))

        assert terms(writes, Put) == ["label:env:prod", f"name:{node_id(1)[0]}", "name:t"]
        assert positions(writes, Put)[-1][1] == f"till-3#{node_id(1)}"
        assert positions(writes, Delete) == []

    @pytest.mark.parametrize("change", [{"status": Status.UNHEALTHY}, {"agent_version": "2"}, {"kernel": "6.2"}, {}])
    def test_change_of_anything_else_needs_no_write(self, change):
        before = node(hostname="till-3", key_labels={"env": "prod"}, aliases=aliases(2))

        assert changed(before, before.model_copy(update=change)) == []

    def test_other_label_replaces_its_entry_alone(self):
        before = node(hostname="till-3", key_labels={"env": "prod", "role": "web"})
        after = before.model_copy(update={"operator_labels": {"env": "test"}})

        writes = changed(before, after)
        assert (terms(writes, Put), terms(writes, Delete)) == (["label:env:test"], ["label:env:prod"])

    def test_label_that_gives_way_to_an_operators_has_no_entry(self):
        found = entries_of(node(operator_labels={"env": "prod"}, agent_labels={"env": "test"}))

        assert [term for term, _ in found if term.startswith("label:")] == [
            term for term, _ in found if term.startswith("label:env:prod#")
        ]

    def test_deleted_node_leaves_only_entries_of_aliases_that_go_later(self):
        before = node(hostname="till-3", key_labels={"env": "prod"}, aliases=aliases(1))

        writes = changed(before, None)
        assert terms(writes, Delete) == ["label:env:prod", f"name:{node_id(1)[0]}", "name:t"]

    def test_moved_node_keeps_its_places_in_another_cluster(self):
        before = node(hostname="till-3", key_labels={"env": "prod"})
        writes = changed(before, before.model_copy(update={"cluster_id": "c2", "cluster_name": "beta"}))

        assert {write.item["cluster_term"].partition("#")[0] for write in writes} == {"c2"}
        assert positions(writes, Put) == sorted(entries_of(before))

    def test_alias_spelled_as_the_host_name_shares_its_entry(self):
        both = node(hostname="door-0", aliases=aliases(1))

        assert len(entries_of(both)) == 2
        assert changed(both, both.model_copy(update={"hostname": None})) == []

    def test_row_of_a_release_without_terms_gets_all_of_them_with_its_first_change(self):
        old = node(hostname="till-3", key_labels={"env": "prod"}).model_copy(update={"termed": None})
        after = old.model_copy(update={"operator_labels": {"role": "web"}})

        assert len(positions(changed(old, after), Put)) == len(entries_of(after)) == 4

    def test_change_by_a_release_without_terms_is_noticed(self):
        row = {name: value for name, value in node_to_item(node(hostname="till-3")).items() if value is not None}

        assert is_marked(node_from_item({**row, "version": 1}))
        assert not is_marked(node_from_item({**row, "version": 2, "hostname": "till-4"}))

    @pytest.mark.parametrize("name", ["x" * 300, "ß" * 300, "\U0001f40d" * 300])
    def test_long_name_has_a_key_that_dynamodb_takes(self, name):
        for partition, position in entries_of(node(hostname=name)):
            assert len(partition.encode()) <= 2048
            assert len(position.encode()) <= 1024
        assert NAME_CHARACTERS * 4 < 1024


class TestTransactions:
    """A node of the most labels and aliases."""

    def full(self, prefix, **more):
        labels = {f"{prefix}{number}": "x" for number in range(MOST)}
        return node(operator_labels=labels, hostname=f"{prefix}-host", aliases=aliases(MOST_PER_NODE), **more)

    def test_move_with_other_labels_and_name_fits(self):
        before = self.full("a")
        after = self.full("b", cluster_id="c2", cluster_name="beta").model_copy(update={"aliases": ()})

        assert len(changed(before, after)) + MOST_PER_NODE + BESIDE_A_MOVE <= TRANSACTION_LIMIT

    def test_deletion_of_a_full_node_fits(self):
        assert len(changed(self.full("a"), None)) + MOST_PER_NODE + BESIDE_A_MOVE <= TRANSACTION_LIMIT

    def test_first_change_of_a_row_without_terms_fits(self):
        before = self.full("a").model_copy(update={"termed": None})
        after = self.full("b")

        assert len(changed(before, after)) + BESIDE_A_MOVE <= TRANSACTION_LIMIT


def test_fingerprint_covers_everything_that_entries_say():
    whole = node(hostname="till-3", key_labels={"env": "prod"}, aliases=aliases(1))
    changes = [
        {"hostname": "till-4"},
        {"key_labels": {}},
        {"aliases": ()},
        {"cluster_id": "c2"},
        {"cluster_name": "beta"},
        {"inserted_at": "2026-11-22T10:00:00Z"},
    ]

    found = {fingerprint(whole), *(fingerprint(whole.model_copy(update=change)) for change in changes)}
    assert len(found) == 1 + len(changes)


def test_entries_hold_no_stamp_and_no_secret():
    for entry in entries_of(node(hostname="till-3")).values():
        assert set(entry) <= {"term_shard", "position", "cluster_term", "id", "inserted_at", "cluster_name"}
    assert NODE_TERMS.derived

"""The table of terms: an entry for each label and name of a node, written in the transaction that changes its row.

It is an index that does not lag. An entry stands in the order of the list of nodes (labels) or of names; its own index
has the same by cluster. The entry of an alias that is taken away goes a moment later (`Terms.forget_name`): a node with
all its aliases would not fit into one transaction. Readers look at the row of what they find: it decides.
"""

from collections.abc import Collection, Mapping

from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.nodes.store import SHARDS, listed_at, shard_of
from chalicelib.fleet.nodes.terms import folded, is_marked, names_of, pairs_of
from chalicelib.kit.tables import Between, Delete, Index, Item, Key, Put, Table

NODE_TERMS = Table(
    "node_terms",
    partition="term_shard",
    sort="position",
    indexes=(Index("by_cluster", "cluster_term", "position", ("id", "inserted_at")),),
    derived=True,
    queried=True,
)

HOLDS = frozenset({"id", "inserted_at", "cluster_name"})
"""The attributes of a node that its entries have; the positions of labels have the time of insertion."""

_LAST = "\U0010ffff"

Entries = Mapping[tuple[str, str], Item]
"""By partition and position."""


def label_term(pair: str) -> str:
    return f"label:{pair}"


def name_term(name: str) -> str:
    """The term of all names that begin with the same character."""
    return f"name:{name[:1]}"


def shards_of(term: str) -> list[str]:
    """The partitions of a term for the whole fleet."""
    return [term_shard(term, shard) for shard in range(SHARDS)]


def term_shard(term: str, shard: int | str) -> str:
    return f"{term}#{shard}"


def cluster_term(cluster_id: str, term: str) -> str:
    """The partition of a term in the index by cluster."""
    return f"{cluster_id}#{term}"


def position_of_name(name: str, node_id: str) -> str:
    return f"{name}#{node_id}"


def beginning_with(prefix: str) -> Between:
    """The positions of names that begin so."""
    return Between(prefix, f"{prefix}{_LAST}")


def exactly(name: str) -> Between:
    """The positions of a name."""
    return Between(f"{name}#", f"{name}#{_LAST}")


def entries_of(node: Node, names: Collection[str] | None = None) -> Entries:
    """The entries of a node, or those of some of its names with those of its labels."""
    listed, shard = listed_at(node.inserted_at, node.id), shard_of(node.id)
    found = [_entry(node, label_term(pair), shard, listed) for pair in pairs_of(node)]
    for name in names_of(node) if names is None else names:
        entry = _entry(node, name_term(name), shard, position_of_name(name, node.id))
        found.append({**entry, "inserted_at": node.inserted_at})
    return {(str(entry["term_shard"]), str(entry["position"])): entry for entry in found}


def changed(old: Node | None, new: Node | None) -> list[Put | Delete]:
    """The writes of a transaction that makes the row of a node ``new``, on the condition that it is ``old`` before it.
    There is nothing to write where its terms stay, and everything where the row was written without them."""
    before = {} if old is None else entries_of(old)
    after = {} if new is None else entries_of(new)
    is_known = old is not None and is_marked(old)
    puts = [Put(NODE_TERMS, item) for position, item in after.items() if not is_known or before.get(position) != item]
    gone = () if old is None else entries_of(old, _lasting_names(old)).keys() - after.keys()
    return [*puts, *(Delete(NODE_TERMS, _key(*position)) for position in sorted(gone))]


def forget_name(node_id: str, name: str) -> Delete:
    """Remove the entry of a name that the node has no more."""
    text = folded(name)
    return Delete(NODE_TERMS, _key(term_shard(name_term(text), shard_of(node_id)), position_of_name(text, node_id)))


def _lasting_names(node: Node) -> frozenset[str]:
    """Its names besides aliases."""
    return names_of(node.model_copy(update={"aliases": ()}))


def _entry(node: Node, term: str, shard: str, position: str) -> Item:
    return {
        "term_shard": term_shard(term, shard),
        "position": position,
        "cluster_term": cluster_term(node.cluster_id, term),
        "id": node.id,
        "cluster_name": node.cluster_name,
    }


def _key(partition: str, position: str) -> Key:
    return {"term_shard": partition, "position": position}

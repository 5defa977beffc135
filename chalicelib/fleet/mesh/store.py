"""Rows of the networks that this installation has made in the mesh: only those it ever removes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib.kit.tables import (
    ConditionFailedError,
    Delete,
    Equals,
    Item,
    Key,
    Query,
    Set,
    Table,
    Tables,
    Update,
)

NETWORKS = "network"
"""The one partition: a row is written when a network is made or goes, and by a repair that found something strange."""

TABLE = Table("vpn_networks", partition="kind", sort="name")


@dataclass(frozen=True)
class MadeNetwork:
    """``name`` is that of the cluster. ``strays`` are hosts that belong to none of its nodes: host id -> when a repair
    first saw it, seconds text."""

    name: str
    cluster_id: str
    strays: Mapping[str, str] = field(default_factory=dict)


class NetworkStore:
    """Reads and writes rows one by one: each says what is known, none depends on another."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, name: str) -> MadeNetwork | None:
        row = self._tables.get(TABLE, _key(name))
        return None if row is None else _from_item(row)

    def note_made(self, name: str, cluster_id: str) -> None:
        """Written before the network is made, so that none of ours is unknown, whatever happens then."""
        changes = (Set("cluster_id", cluster_id), Set("strays", None))
        self._tables.write(Update(TABLE, _key(name), changes), "network.made")

    def note_strays(self, network: MadeNetwork, strays: Mapping[str, str]) -> None:
        """Remember them, if the network is still known as that of the same cluster."""
        same = Equals("cluster_id", network.cluster_id)
        changes = (Set("strays", dict(strays) or None),)
        with suppress(ConditionFailedError):  # made again, or gone, since it was read
            self._tables.write(Update(TABLE, _key(network.name), changes, same), "network.seen")

    def forget(self, network: MadeNetwork) -> None:
        """The network is gone; its row stays if it has been made again for another cluster."""
        same = Equals("cluster_id", network.cluster_id)
        with suppress(ConditionFailedError):
            self._tables.write(Delete(TABLE, _key(network.name), same, was_read=True), "network.removed")

    def page(self, after: str | None, limit: int) -> Sequence[MadeNetwork]:
        """The next networks in the order of their names."""
        start = None if after is None else _key(after)
        rows = self._tables.query(Query(TABLE, NETWORKS, consistent=True, limit=limit, start=start)).items
        return [_from_item(row) for row in rows]


def _key(name: str) -> Key:
    return {"kind": NETWORKS, "name": name}


def _from_item(row: Item) -> MadeNetwork:
    strays = row.get("strays")
    seen = {str(host): str(since) for host, since in strays.items()} if isinstance(strays, dict) else {}
    return MadeNetwork(str(row["name"]), str(row["cluster_id"]), seen)

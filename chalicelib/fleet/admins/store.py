"""Rows of admins and of what was computed over them: keys and attribute names.

One table, three partitions: heartbeats by admin, the last computation by admin cluster, and what was last handed over
by admin cluster. An installation has a handful of each, written about once a minute at most, so no partition is hot and
one consistent query reads all of it.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from chalicelib.fleet.admins.model import Admin, Assignment, KnownAdmin, Snapshot
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import (
    Absent,
    Equals,
    Item,
    LessOrEqual,
    Or,
    Query,
    Ref,
    Set,
    Table,
    Tables,
    Update,
    Value,
)

HEARTBEATS = "admin"
ASSIGNMENTS = "assignment"
HANDED_OVER = "handed_over"

TABLE = Table("admins", partition="kind", sort="name", expires_at="expires_epoch")

ASSIGNMENT_LIMIT_BYTES = 350_000
"""Compressed. A row ends at 400 KB; 16,384 clusters (all /24 of the default pool) with random names take 300 KB."""

KEPT_FOR = timedelta(days=7)
"""How long a dead admin is listed at least, after its last heartbeat."""


class AdminStore:
    """Heartbeats and snapshots on `Tables`."""

    def __init__(self, tables: Tables, assignment_limit_bytes: int = ASSIGNMENT_LIMIT_BYTES) -> None:
        self._tables = tables
        self._assignment_limit_bytes = assignment_limit_bytes

    def fits(self, assignment: Assignment) -> bool:
        """Whether a row has room for it."""
        return len(_compressed(assignment) or b"") <= self._assignment_limit_bytes

    def beat(self, admin: Admin, now: datetime) -> bool:
        """Note that it is alive. False if a later heartbeat stands there already: a tick that came late."""
        seen = to_seconds_text(now)
        changes = (
            Set("admin_cluster_name", admin.admin_cluster_name),
            Set("max_wireguard_peers", admin.max_wireguard_peers),
            Set("delivery_queue_url", admin.delivery_queue_url),
            Set("reaches_nodes", admin.reaches_nodes),
            Set("last_seen_at", seen),
            Set("expires_epoch", int((now + KEPT_FOR).timestamp())),
        )
        later = Or(Absent("last_seen_at"), LessOrEqual("last_seen_at", seen))
        return self._tables.try_write(Update(TABLE, _key(HEARTBEATS, admin.name), changes, later), "admin.seen")

    def admins(self) -> list[KnownAdmin]:
        """All known admins, dead ones too, sorted by name."""
        query = Query(TABLE, HEARTBEATS, consistent=True)
        return [KnownAdmin.model_validate(row) for page in self._tables.pages(query) for row in page.items]

    def snapshot(self, admin_cluster_name: str, *, consistent: bool = True) -> Snapshot | None:
        """The result of the last computation."""
        row = self._tables.get(TABLE, _key(ASSIGNMENTS, admin_cluster_name), consistent=consistent)
        return None if row is None else _from_item(row)

    def replace(self, version: int, snapshot: Snapshot) -> bool:
        """Store the result, if ``version`` (0: none) is still the stored one; returns whether it was stored."""
        changes = (
            Set("computed_at", snapshot.computed_at),
            Set("topology", _topology_value(snapshot.topology)),
            Set("total_nodes", snapshot.total_nodes),
            Set("assignment", _compressed(snapshot.assignment)),
        )
        same = Equals("version", version) if version else Absent("version")
        key = _key(ASSIGNMENTS, snapshot.admin_cluster_name)
        return self._tables.try_write(Update(TABLE, key, changes, same), "assignment.computed")

    def standing(self, admin_cluster_name: str) -> tuple[Snapshot | None, dict[str, str], int]:
        """In one call the last computation, the routes (cluster -> queue) that were last handed over, and the version
        of those; 0 before the first."""
        keys = [_key(kind, admin_cluster_name) for kind in (ASSIGNMENTS, HANDED_OVER)]
        computed, handed = self._tables.get_many([Ref(TABLE, key) for key in keys])
        snapshot = None if computed is None else _from_item(computed)
        return (snapshot, {}, 0) if handed is None else (snapshot, _routes_of(handed), _version_of(handed))

    def hand_over(self, admin_cluster_name: str, version: int, routes: Mapping[str, str]) -> bool:
        """Store the routes to which work has moved, if ``version`` (0: none) is still the stored one."""
        same = Equals("version", version) if version else Absent("version")
        changes = (Set("routes", _compressed_routes(routes)),)
        return self._tables.try_write(
            Update(TABLE, _key(HANDED_OVER, admin_cluster_name), changes, same), "clusters.handed_over"
        )


def _key(kind: str, name: str) -> dict[str, str | int]:
    return {"kind": kind, "name": name}


def _topology_value(topology: Sequence[Admin]) -> list[Value]:
    return [admin.model_dump(exclude={"admin_cluster_name"}) for admin in topology]


def _compressed(assignment: Assignment | None) -> bytes | None:
    return None if assignment is None else gzip.compress(assignment.model_dump_json().encode(), mtime=0)


def _compressed_routes(routes: Mapping[str, str]) -> bytes:
    return gzip.compress(json.dumps(routes, sort_keys=True).encode(), mtime=0)


def _routes_of(row: Item) -> dict[str, str]:
    stored = row["routes"]
    return dict(json.loads(gzip.decompress(stored))) if isinstance(stored, bytes) else {}


def _version_of(row: Item) -> int:
    return int(str(row["version"]))


def _from_item(row: Item) -> Snapshot:
    stored, name = row.get("assignment"), row["name"]
    topology = row["topology"] if isinstance(row["topology"], list) else []
    return Snapshot.model_validate(
        {
            **row,
            "admin_cluster_name": name,
            "topology": [{**each, "admin_cluster_name": name} for each in topology if isinstance(each, dict)],
            "assignment": Assignment.model_validate_json(gzip.decompress(stored))
            if isinstance(stored, bytes)
            else None,
        }
    )

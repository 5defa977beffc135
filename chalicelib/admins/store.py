"""Rows of admins and of what was computed over them: keys and attribute names.

One table, two partitions: heartbeats by admin, and the last computation by admin cluster. An installation has a handful
of either, each written about once a minute, so neither partition is hot and one consistent query reads all of it.
"""

import gzip
from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.admins.model import Admin, Assignment, KnownAdmin, Snapshot
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import (
    Absent,
    ConditionFailedError,
    Equals,
    Item,
    LessOrEqual,
    Or,
    Query,
    Set,
    Table,
    Tables,
    Update,
    Value,
)

HEARTBEATS = "admin"
ASSIGNMENTS = "assignment"

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
            Set("last_seen_at", seen),
            Set("expires_epoch", int((now + KEPT_FOR).timestamp())),
        )
        later = Or(Absent("last_seen_at"), LessOrEqual("last_seen_at", seen))
        return self._write(Update(TABLE, _key(HEARTBEATS, admin.name), changes, later), "admin.seen")

    def admins(self) -> list[KnownAdmin]:
        """All that are known, dead ones too, sorted by name."""
        query = Query(TABLE, HEARTBEATS, consistent=True)
        return [KnownAdmin.model_validate(row) for page in self._tables.pages(query) for row in page.items]

    def snapshot(self, admin_cluster_name: str, *, consistent: bool = True) -> Snapshot | None:
        """What the last computation found."""
        row = self._tables.get(TABLE, _key(ASSIGNMENTS, admin_cluster_name), consistent=consistent)
        return None if row is None else _from_item(row)

    def replace(self, version: int, snapshot: Snapshot) -> bool:
        """Keep it, if nobody has kept another since that ``version`` (0: none) was read; whether it was kept."""
        changes = (
            Set("computed_at", snapshot.computed_at),
            Set("topology", _topology_value(snapshot.topology)),
            Set("total_nodes", snapshot.total_nodes),
            Set("assignment", _compressed(snapshot.assignment)),
        )
        same = Equals("version", version) if version else Absent("version")
        key = _key(ASSIGNMENTS, snapshot.admin_cluster_name)
        return self._write(Update(TABLE, key, changes, same), "assignment.computed")

    def _write(self, update: Update, operation: str) -> bool:
        try:
            self._tables.write(update, operation)
        except ConditionFailedError:
            return False
        return True


def _key(kind: str, name: str) -> dict[str, str | int]:
    return {"kind": kind, "name": name}


def _topology_value(topology: Sequence[Admin]) -> list[Value]:
    return [{"name": admin.name, "max_wireguard_peers": admin.max_wireguard_peers} for admin in topology]


def _compressed(assignment: Assignment | None) -> bytes | None:
    return None if assignment is None else gzip.compress(assignment.model_dump_json().encode(), mtime=0)


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

"""Rows of cached metrics: keys and attribute names. Texts are compressed at rest."""

import gzip
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from chalicelib.fleet.metrics.model import Metrics, MetricsType, ReportType
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import (
    Absent,
    ConditionFailedError,
    Delete,
    Item,
    Key,
    LessOrEqual,
    Or,
    Ref,
    Set,
    Table,
    Tables,
    Update,
)

K = TypeVar("K", MetricsType, ReportType)

TABLE = Table("metrics_cache", partition="node_id", sort="metrics_type", expires_at="expires_epoch")

COMPRESSED_BYTES = 384 * 1024
"""The most that one text may take compressed: a DynamoDB item holds 400 KB with its other attributes and names."""

_KEPT = timedelta(days=1)
"""Long past its use. A push that crossed its node's deletion leaves nothing behind for longer."""

_NAMESPACE = uuid.UUID("6d0c8f5e-0b52-5c4e-9a35-3c1d5b0f7e21")


class MetricsStore:
    """The cache on `Tables`: one row a node and type."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, node_id: str, metrics_type: MetricsType | ReportType, text: str, now: datetime) -> Metrics:
        """Keep this text in place of the one before, unless a later one is there. Returns what is there then.

        Raises `EdgeError` (payload too large) above `COMPRESSED_BYTES`.
        """
        compressed = gzip.compress(text.encode(), mtime=0)
        if len(compressed) > COMPRESSED_BYTES:
            raise EdgeError(Kind.PAYLOAD_TOO_LARGE, f"Metrics take more than {COMPRESSED_BYTES} bytes compressed")
        at = to_seconds_text(now)
        changes = (
            Set("id", metrics_id(node_id, metrics_type)),
            Set("text_gz", compressed),
            Set("updated_at", at),
            Set("expires_epoch", int((now + _KEPT).timestamp())),
        )
        not_older = Or(Absent("updated_at"), LessOrEqual("updated_at", at))
        try:
            row = self._tables.write(Update(TABLE, _key(node_id, metrics_type), changes, not_older), "metrics.received")
        except ConditionFailedError as error:
            row = error.current
        return _from_item(row or {})

    def find(self, node_id: str, types: Collection[K]) -> dict[K, Metrics]:
        """The cached metrics of these types, regardless of their age, in one call."""
        rows = self._tables.get_many([Ref(TABLE, _key(node_id, each)) for each in types])
        return {each: _from_item(row) for each, row in zip(types, rows, strict=True) if row is not None}

    def remove(self, node_id: str) -> None:
        """Delete all metrics of a node in one call, whether they exist or not."""
        deletes: Sequence[Delete] = [Delete(TABLE, _key(node_id, each)) for each in (*MetricsType, *ReportType)]
        self._tables.commit(deletes, "metrics.forgotten")


def metrics_id(node_id: str, metrics_type: MetricsType | ReportType) -> str:
    """The id that agents are answered: follows from node and type, so a push needs no read."""
    return str(uuid.uuid5(_NAMESPACE, f"{node_id}/{metrics_type}"))


def _key(node_id: str, metrics_type: MetricsType | ReportType) -> Key:
    return {"node_id": node_id, "metrics_type": metrics_type.value}


def _from_item(item: Item) -> Metrics:
    compressed = item["text_gz"]
    if not isinstance(compressed, bytes):
        raise TypeError("text_gz holds bytes")
    shown = {name: value for name, value in item.items() if name != "text_gz"}
    return Metrics.model_validate({**shown, "text": gzip.decompress(compressed).decode()})

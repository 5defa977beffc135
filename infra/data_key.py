"""Rotates the data key of a stage: a new key encrypts from now on, the stage re-encrypts the values of older keys, and
an older key is deleted when no value is left that needs it. A value starts with the id of its key in clear, so this
tool neither reads nor opens a secret.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.kit.clock import Clock, parse_time
from chalicelib.kit.crypto import key_id_of
from chalicelib.kit.data_keys import CURRENT, DATA_KEYS, DataKeys
from chalicelib.kit.queues import BATCH_LIMIT, Queues
from chalicelib.kit.tables import Table
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.families import Families
from chalicelib.platform.sealing.resealing import ROWS_PER_MESSAGE
from infra.functions import FAMILIES

LEAST_AGE = timedelta(minutes=15)
"""The time after which a replaced key may be deleted: containers look for a newer key every five minutes, and their
work in progress must have ended."""


class NotYetError(Exception):
    """A key cannot be deleted yet; nothing has changed."""


@dataclass(frozen=True)
class Left:
    """The values that older keys have sealed: row ids by table, and the number of values by key."""

    rows: Mapping[Table, list[str]]
    values: Mapping[bytes, int]


class DataKeyRotation:
    """Rotates the data key. Every step may be repeated. ``dynamodb`` is boto3's client, ``table_prefix`` the prefix of
    the tables' names, ``tables`` are those of the stage."""

    def __init__(
        self,
        dynamodb: Any,
        table_prefix: str,
        tables: Collection[Table],
        keys: DataKeys,
        queues: Queues,
        clock: Clock,
    ) -> None:
        self._dynamodb = dynamodb
        self._sealed = {table: names for table, names in Families(FAMILIES).sealed.items() if table in tables}
        self._prefix = table_prefix
        self._keys = keys
        self._queues = queues
        self._clock = clock

    def left(self) -> Left:
        """Finds all values that are not sealed with the newest key. Reads every row of the tables with secrets,
        consistently."""
        newest = self._keys.newest_id()
        rows: dict[Table, list[str]] = {}
        values: Counter[bytes] = Counter()
        for table, names in self._sealed.items():
            for item in self._scan(table, ("id", *names)):
                older = [key_id_of(item[name]["B"]) for name in names if "B" in item.get(name, {})]
                older = [key_id for key_id in older if key_id != newest]
                if older:
                    rows.setdefault(table, []).append(item["id"]["S"])
                    values.update(older)
        return Left(rows, values)

    def queue(self, left: Left) -> int:
        """Queue the re-encryption of these rows; returns the number of messages."""
        messages = [
            {"kind": "reseal", "id": table.name, "ids": ids[start : start + ROWS_PER_MESSAGE]}
            for table, ids in left.rows.items()
            for start in range(0, len(ids), ROWS_PER_MESSAGE)
        ]
        for start in range(0, len(messages), BATCH_LIMIT):
            self._queues.send(CLEAN_UP, messages[start : start + BATCH_LIMIT], request_id="rotate-data-key")
        return len(messages)

    def old_keys(self) -> list[bytes]:
        """The ids of replaced keys that are still kept."""
        rows = self._scan(DATA_KEYS, ("id",))
        return sorted(bytes.fromhex(row["id"]["S"]) for row in rows if row["id"]["S"] != CURRENT)

    def drop(self) -> list[bytes]:
        """Delete all replaced keys; returns their ids. Raises `NotYetError` if values of one are left, or may still be
        written."""
        old = self.old_keys()
        ages = [age for age in map(self._keys.age_of, old) if age is not None]
        young = [age for age in ages if self._clock.now() - parse_time(age.retired_at or "") < LEAST_AGE]
        if young:
            retired = f"{_named(young[0].id)} was replaced at {young[0].retired_at}"
            raise NotYetError(f"{retired}: it may be dropped {LEAST_AGE // timedelta(minutes=1)} minutes later")
        left = self.left()
        if left.values:
            told = ", ".join(f"{count} of {_named(key_id)}" for key_id, count in sorted(left.values.items()))
            raise NotYetError(f"there are values that older keys have sealed ({told}): seal them again first, --resume")
        for key_id in old:
            self._keys.forget(key_id)
        return old

    def _scan(self, table: Table, names: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
        aliases = {f"#{index}": name for index, name in enumerate(names)}
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=f"{self._prefix}{table.name}",
            ConsistentRead=True,
            ProjectionExpression=", ".join(aliases),
            ExpressionAttributeNames=aliases,
        )
        for page in pages:
            yield from page["Items"]


def _named(key_id: bytes) -> str:
    return f"key {key_id.hex()[:8]}"

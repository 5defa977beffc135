"""Copies restored rows back into a stage's tables: ``python -m infra.restore --stage dev --write``.

DynamoDB restores to a new table only, without stream, TTL and alarms; this copies the rows to the original. Each table
``X`` becomes equal to ``X-restored``: rows that differ are written, later rows are deleted. Without ``--write`` it only
counts. The functions must be stopped meanwhile (docs/runbook.md), else nothing is written. Safe to repeat.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kit.clock import Clock, SystemClock, to_seconds_text
from chalicelib.kit.counters import TABLE as COUNTERS
from chalicelib.kit.data_keys import CURRENT, DATA_KEYS
from chalicelib.kit.queues import batches
from chalicelib.kit.tables.schema import Table
from infra import aws
from infra.functions import APP_NAME
from infra.stacks import WAIT, Stacks
from infra.stage_stacks import stage_stacks
from infra.stage_tables import tables_of

Row = dict[str, Any]
Key = tuple[str, ...]
Say = Callable[[str], None]

SUFFIX = "-restored"

NOT_RESTORED = COUNTERS
"""The totals follow the rows, by the stream, and are recounted; restored ones would count rows twice."""

READ_AT_ONCE = 100
WRITTEN_AT_ONCE = 25
"""The limits of BatchGetItem and BatchWriteItem (DynamoDB API reference)."""

PAUSE_SECONDS = 1.0


class RestoreError(Exception):
    """The restore cannot start; nothing has changed."""


@dataclass(frozen=True)
class Difference:
    """The numbers of rows of a table that are, or would be, written and deleted."""

    written: int
    deleted: int


class Restore:
    """``dynamodb`` is boto3's client, ``prefix`` stands before the tables' names."""

    def __init__(self, dynamodb: Any, prefix: str, clock: Clock) -> None:
        self._dynamodb, self._prefix, self._clock = dynamodb, prefix, clock

    def check(self, tables: Iterable[Table]) -> None:
        """Raises `RestoreError` unless each of them was restored to its end."""
        missing = [name for name in map(self._restored, tables) if not self._is_there(name)]
        if missing:
            raise RestoreError(f"not there, or not ready: {', '.join(missing)}")

    def table(self, table: Table, *, write: bool) -> Difference:
        """Make a table equal to its restored copy. Data keys are only added: today's keys are needed for newer values,
        and deleted ones, including the newest of that time, for restored values."""
        live = self._live(table)
        kept: set[Key] = set()
        written = deleted = 0
        for page in batches(self._restored_rows(table), lambda _: 0, most_entries=READ_AT_ONCE):
            kept |= {_key(table, row) for row in page}
            now = self._rows(table, page)
            different = [row for row in page if self._has_to_be_written(table, row, now.get(_key(table, row)))]
            written += len(different)
            if write:
                self._send(live, [{"PutRequest": {"Item": row}} for row in different])
        if table is not DATA_KEYS:
            later = (row for row in self._scan(live, table) if _key(table, row) not in kept)
            for page in batches(later, lambda _: 0, most_entries=READ_AT_ONCE):
                deleted += len(page)
                if write:
                    self._send(live, [{"DeleteRequest": {"Key": row}} for row in page])
        return Difference(written, deleted)

    def _restored_rows(self, table: Table) -> Iterator[Row]:
        rows = self._scan(self._restored(table))
        return self._retired(rows) if table is DATA_KEYS else rows

    def _retired(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The restored data keys. The newest of that time is stored under its own id, unless it is still the newest."""
        newest = {"id": {"S": CURRENT}}
        today = self._dynamodb.get_item(TableName=self._live(DATA_KEYS), Key=newest, ConsistentRead=True).get("Item")
        for row in rows:
            if today is None or row["id"] != newest["id"] or row["key_id"] == today["key_id"]:
                yield row
            else:
                now = to_seconds_text(self._clock.now())
                yield {**row, "id": {"S": row["key_id"]["B"].hex()}, "retired_at": {"S": now}}

    def _has_to_be_written(self, table: Table, row: Row, now: Row | None) -> bool:
        return now is None if table is DATA_KEYS else now != row

    def _rows(self, table: Table, rows: Sequence[Row]) -> dict[Key, Row]:
        """The current rows under the same keys."""
        live, names = self._live(table), _key_names(table)
        asked: Any = {live: {"Keys": [{name: row[name] for name in names} for row in rows], "ConsistentRead": True}}
        found: dict[Key, Row] = {}
        while asked:
            answer = self._dynamodb.batch_get_item(RequestItems=asked)
            found |= {_key(table, row): row for row in answer["Responses"].get(live, [])}
            asked = self._again(answer.get("UnprocessedKeys"))
        return found

    def _send(self, live: str, requests: Sequence[Row]) -> None:
        for batch in batches(requests, lambda _: 0, most_entries=WRITTEN_AT_ONCE):
            asked: Any = {live: batch}
            while asked:
                asked = self._again(self._dynamodb.batch_write_item(RequestItems=asked).get("UnprocessedItems"))

    def _again(self, left: Any) -> Any:
        """The unprocessed rest of a batch, after a pause."""
        if left:
            self._clock.sleep(PAUSE_SECONDS)
        return left

    def _scan(self, name: str, keys_of: Table | None = None) -> Iterator[Row]:
        """All rows, or only the keys of those of ``keys_of``."""
        aliases = {f"#{index}": each for index, each in enumerate(_key_names(keys_of) if keys_of else ())}
        only: Any = {"ProjectionExpression": ", ".join(aliases), "ExpressionAttributeNames": aliases} if aliases else {}
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True, **only):
            yield from page["Items"]

    def _is_there(self, name: str) -> bool:
        try:
            return bool(self._dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")
        except self._dynamodb.exceptions.ResourceNotFoundException:
            return False

    def _live(self, table: Table) -> str:
        return f"{self._prefix}{table.name}"

    def _restored(self, table: Table) -> str:
        return f"{self._live(table)}{SUFFIX}"


def restore(dynamodb: Any, prefix: str, tables: Iterable[Table], clock: Clock, say: Say, *, write: bool) -> None:
    """Restore the tables of a stage, one after the other. Raises `RestoreError` before anything changes."""
    it = Restore(dynamodb, prefix, clock)
    restored = [table for table in tables if table is not NOT_RESTORED]
    it.check(restored)
    for table in restored:
        found = it.table(table, write=write)
        say(f"{table.name}: {found.written} rows {'written' if write else 'differ'}, {found.deleted} later ones")


def check_stopped(lambda_client: Any, functions: Iterable[str]) -> None:
    """Raises `RestoreError` unless each of these functions is stopped: what one writes meanwhile would be deleted."""
    running = [
        name
        for name in functions
        if lambda_client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions") != 0
    ]
    if running:
        raise RestoreError(
            f"functions are not stopped (their reserved concurrency is not 0): {', '.join(running)}; nothing is written"
        )


def _functions(session: Any, stage: str) -> list[str]:
    """The functions of all stacks of a stage."""
    stacks = Stacks(aws.client(session, "cloudformation", attempts=10), WAIT)
    return [name for stack in stage_stacks(stacks, stage) for name in stacks.functions(stack)]


def _key_names(table: Table) -> list[str]:
    return [table.partition, *([table.sort] if table.sort else [])]


def _key(table: Table, row: Row) -> Key:
    return tuple(repr(row[name]) for name in _key_names(table))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.restore", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--write", action="store_true", help="do it; else it is only counted")
    asked = parser.parse_args(arguments)
    try:
        session = aws.session_of(asked.stage)
        if asked.write:
            check_stopped(aws.client(session, "lambda", attempts=10), _functions(session, asked.stage))
        client, tables = aws.client(session, "dynamodb", attempts=10), tables_of(session, asked.stage)
        restore(client, f"{APP_NAME}-{asked.stage}-", tables, SystemClock(), print, write=asked.write)
    except (ValueError, RestoreError, BotoCoreError, ClientError) as error:
        print(f"infra.restore: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

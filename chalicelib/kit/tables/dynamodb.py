"""The driver for a real DynamoDB, or an emulator of it.

It makes one attempt, beyond the client's own retries; `Tables` retries further.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError, ParamValidationError
from botocore.exceptions import ConnectionError as NoConnectionError

from chalicelib.kit.tables.conditions import Condition
from chalicelib.kit.tables.driver import (
    BusyError,
    Call,
    ConditionFailedError,
    Meter,
    Page,
    Query,
    Ref,
    RefusedError,
    TransactionFailedError,
)
from chalicelib.kit.tables.expressions import Expressions
from chalicelib.kit.tables.schema import Item, Key, Table
from chalicelib.kit.tables.wire import from_wire, to_wire
from chalicelib.kit.tables.writes import Check, Delete, Put, Update, Write

__all__ = ["DynamoDriver", "from_wire"]

PARALLEL_QUERIES = 16
"""The number of parallel queries in `query_many`; no list or sweep has more shards."""

_BUSY_CODES = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_BUSY_REASONS = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})
_REFUSED_CODES = frozenset({"IdempotentParameterMismatchException", "SerializationException", "ValidationException"})
_Request = dict[str, Any]


class DynamoDriver:
    """Implements `Driver` on a low-level boto3 client. ``table_prefix`` + the aggregate's name is the deployed name."""

    def __init__(self, client: Any, table_prefix: str, meter: Meter) -> None:
        self.meter = meter
        self._client = client
        self._table_prefix = table_prefix
        self._pool_lock = Lock()
        self._pool: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Stop the threads of `query_many`, if any were started. A function's container never needs to."""
        with self._pool_lock:
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None

    def get(self, ref: Ref, *, consistent: bool) -> Item | None:
        request = {
            "TableName": self._name(ref.table),
            "Key": to_wire(ref.key),
            "ConsistentRead": consistent,
            "ReturnConsumedCapacity": "TOTAL",
        }
        answer = self._ask("GetItem", [ref.table], lambda: self._client.get_item(**request))
        return from_wire(answer["Item"]) if "Item" in answer else None

    def batch_get(self, refs: Sequence[Ref], *, consistent: bool) -> tuple[list[tuple[Ref, Item]], list[Ref]]:
        asked: dict[str, _Request] = {}
        for ref in refs:
            request = asked.setdefault(self._name(ref.table), {"Keys": [], "ConsistentRead": consistent})
            request["Keys"].append(to_wire(ref.key))
        answer = self._ask(
            "BatchGetItem",
            [ref.table for ref in refs],
            lambda: self._client.batch_get_item(RequestItems=asked, ReturnConsumedCapacity="TOTAL"),
        )
        by_row = {self._identity(ref): ref for ref in refs}
        found: list[tuple[Ref, Item]] = []
        tables = {self._name(ref.table): ref.table for ref in refs}
        for name, images in answer["Responses"].items():
            for item in map(from_wire, images):
                ref = by_row[self._identity(Ref(tables[name], tables[name].key_of(item)))]
                found.append((ref, item))
        left = [
            by_row[self._identity(Ref(tables[name], _as_key(key)))]
            for name, request in answer.get("UnprocessedKeys", {}).items()
            for key in request["Keys"]
        ]
        return found, left

    def query(self, query: Query) -> Page:
        request = self._query_request(query)
        answer = self._ask("Query", [query.table], lambda: self._client.query(**request))
        last_key = answer.get("LastEvaluatedKey")
        items = [from_wire(image) for image in answer.get("Items", [])]
        return Page(items, answer["Count"], _as_key(last_key) if last_key else None)

    def query_many(self, queries: Sequence[Query]) -> list[Page]:
        if len(queries) == 1:
            return [self.query(queries[0])]
        return list(self._executor().map(self.query, queries))

    def write(self, write: Put | Update | Delete) -> Item | None:
        call = {Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem"}[type(write)]
        send: Callable[..., Any] = {
            Put: self._client.put_item,
            Update: self._client.update_item,
            Delete: self._client.delete_item,
        }[type(write)]
        request = self._write_request(write)
        request["ReturnConsumedCapacity"] = "TOTAL"
        if isinstance(write, Update):
            request["ReturnValues"] = "ALL_NEW"
        answer = self._ask(call, [write.table], lambda: send(**request))
        match write:
            case Put():
                return from_wire(request["Item"])
            case Update():
                return from_wire(answer["Attributes"])
            case Delete():
                return None

    def transact(self, writes: Sequence[Write], token: str) -> None:
        actions = {Put: "Put", Update: "Update", Delete: "Delete", Check: "ConditionCheck"}
        items = [{actions[type(write)]: self._write_request(write)} for write in writes]
        self._ask(
            "TransactWriteItems",
            [write.table for write in writes],
            lambda: self._client.transact_write_items(
                TransactItems=items, ClientRequestToken=token, ReturnConsumedCapacity="TOTAL"
            ),
        )

    def _write_request(self, write: Write) -> _Request:
        with _refusing():
            expressions = Expressions()
            request: _Request = {"TableName": self._name(write.table), "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
            condition: Condition | None = write.condition
            if condition is not None:
                request["ConditionExpression"] = expressions.condition(condition)
            if isinstance(write, Put):
                request["Item"] = to_wire(write.item)
            else:
                request["Key"] = to_wire(write.key)
            if isinstance(write, Update):
                request["UpdateExpression"] = expressions.update(write.changes)
            return {**request, **expressions.arguments()}

    def _query_request(self, query: Query) -> _Request:
        keys = query.table if query.index is None else query.index
        with _refusing():
            expressions = Expressions()
            request: _Request = {
                "TableName": self._name(query.table),
                "KeyConditionExpression": expressions.key_condition(
                    keys.partition, query.partition, keys.sort, query.sort
                ),
                "ScanIndexForward": not query.descending,
                "ConsistentRead": query.consistent,
                "ReturnConsumedCapacity": "TOTAL",
                **expressions.arguments(),
            }
            if query.start is not None:
                request["ExclusiveStartKey"] = to_wire(query.start)
        if query.index is not None:
            request["IndexName"] = query.index.name
        if query.limit is not None:
            request["Limit"] = query.limit
        if query.count_only:
            request["Select"] = "COUNT"
        return request

    def _ask(self, operation: str, tables: Sequence[Table], send: Callable[[], Any]) -> Any:
        """Send a request, record it in the meter, and translate errors."""
        names = ",".join(sorted({table.name for table in tables}))
        try:
            answer = send()
        except ClientError as error:
            self.meter.record(Call(operation, names))
            known = _translated(error)
            if known is None:
                raise
            raise known from error
        except ParamValidationError as error:
            raise RefusedError(str(error)) from error
        except (HTTPClientError, NoConnectionError) as error:
            self.meter.record(Call(operation, names))
            raise BusyError("no answer") from error
        consumed = answer.get("ConsumedCapacity", [])
        units = sum(part["CapacityUnits"] for part in (consumed if isinstance(consumed, list) else [consumed]))
        reads = operation in {"GetItem", "BatchGetItem", "Query"}
        self.meter.record(
            Call(operation, names, read_units=units if reads else 0.0, write_units=0.0 if reads else units)
        )
        return answer

    def _name(self, table: Table) -> str:
        return f"{self._table_prefix}{table.name}"

    def _identity(self, ref: Ref) -> tuple[str, tuple[tuple[str, str | int], ...]]:
        return ref.table.name, tuple(sorted(ref.key.items()))

    def _executor(self) -> ThreadPoolExecutor:
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(PARALLEL_QUERIES, thread_name_prefix="query")
            return self._pool


@contextmanager
def _refusing() -> Iterator[None]:
    """Turns errors in building a request into `RefusedError`, as if DynamoDB had refused it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise RefusedError(str(error)) from error


def _as_key(wire: dict[str, Any]) -> Key:
    return {name: value for name, value in from_wire(wire).items() if isinstance(value, str | int)}


def _translated(error: ClientError) -> Exception | None:
    """Our exception for a failure; None if we have none (a missing table, a missing permission)."""
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return ConditionFailedError(_row(error.response))
    if code == "TransactionCanceledException":
        return _cancelled(error)
    if code in _BUSY_CODES:
        return BusyError(code)
    if code in _REFUSED_CODES:
        return RefusedError(str(error))
    return None


def _cancelled(error: ClientError) -> Exception:
    """The exception for a cancelled transaction. A failed condition outranks a conflict: it was evaluated and is
    definite, and a repeat would usually find the same."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    codes = [reason.get("Code") for reason in reasons]
    failed = {
        index: _row(reason) for index, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"
    }
    if failed:
        return TransactionFailedError(failed)
    if any(code in _BUSY_REASONS for code in codes):
        return BusyError(f"cancelled: {codes}")
    return RefusedError(str(error))


def _row(holder: Any) -> Item | None:
    return from_wire(holder["Item"]) if holder.get("Item") else None

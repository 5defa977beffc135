"""DynamoDB's refusals, and its changes of a row (DynamoDB developer guide, "service, account and table quotas")."""

from collections.abc import Sequence

from chalicelib.kit.tables import (
    Add,
    Change,
    Check,
    Delete,
    Item,
    Key,
    Put,
    RefusedError,
    Remove,
    Set,
    SetIfAbsent,
    Table,
    Update,
    Write,
)
from tests.support.fakes.dynamo_sizes import Stored, stored
from tests.support.fakes.dynamo_stream import image_of
from tests.support.fakes.dynamo_views import PrimaryKey, copy_of, copy_of_value

ITEM_LIMIT_BYTES = 400 * 1024
TRANSACTION_LIMIT = 100
TRANSACTION_LIMIT_BYTES = 4 * 1024 * 1024
PARTITION_KEY_LIMIT_BYTES = 2048
SORT_KEY_LIMIT_BYTES = 1024


def primary_key(table: Table, key: Key) -> PrimaryKey:
    """The row's key as a tuple, checked."""
    names = (table.partition,) if table.sort is None else (table.partition, table.sort)
    if set(key) != set(names):
        raise RefusedError(f"the key of {table.name} is {names}, not {sorted(key)}")
    for name in names:
        check_key_value(table, name, key[name], is_sort=name == table.sort)
    return tuple(key[name] for name in names)


def check_key_value(table: Table, name: str, value: object, *, is_sort: bool) -> None:
    if name in table.numbers:
        if isinstance(value, bool) or not isinstance(value, int):
            raise RefusedError(f"{table.name}.{name} is a number, not {value!r}")
        return
    if not isinstance(value, str):
        raise RefusedError(f"{table.name}.{name} is text, not {value!r}")
    if not value:
        raise RefusedError(f"{table.name}.{name} is a key and may not be empty")
    if len(value.encode()) > (SORT_KEY_LIMIT_BYTES if is_sort else PARTITION_KEY_LIMIT_BYTES):
        raise RefusedError(f"{table.name}.{name} is too long for a key")


def _check_row(table: Table, item: Stored, before: Stored | None) -> None:
    """Refuses what DynamoDB refuses of a whole row."""
    try:
        item.image = image_of(item, before)
    except TypeError as error:
        raise RefusedError(str(error)) from error
    for index in table.indexes:
        for name in (index.partition, index.sort):
            if name is not None and name in item:
                check_key_value(table, name, item[name], is_sort=name == index.sort)
    if item.size_bytes > ITEM_LIMIT_BYTES:
        raise RefusedError(f"a row of {item.size_bytes} bytes; {ITEM_LIMIT_BYTES} are allowed")


def put_by(write: Write) -> Stored | None:
    """The row that a put leaves, which is checked before its condition is looked at; None for another write."""
    return after(write, None) if isinstance(write, Put) else None


def key_of(write: Write) -> PrimaryKey:
    if isinstance(write, Put):
        names = (write.table.partition,) if write.table.sort is None else (write.table.partition, write.table.sort)
        if any(name not in write.item for name in names):
            raise RefusedError(f"a row of {write.table.name} without its key")
    return primary_key(write.table, write.key)


def after(write: Write, old: Stored | None) -> Stored | None:
    """The row once the write is done."""
    match write:
        case Put():
            new = stored(write.table, copy_of(write.item))
        case Update():
            new = stored(write.table, _changed(write, old), old)
        case Delete():
            return None
        case Check():
            return old
    _check_row(write.table, new, old)
    return new


def _changed(write: Update, old: Item | None) -> Item:
    before: Item = {**write.key} if old is None else old
    names = [change.name for change in write.changes]
    if len(set(names)) != len(names):
        raise RefusedError(f"two changes of one attribute: {sorted(names)}")
    if any(name in write.key or "." in name for name in names):
        raise RefusedError(f"changes of a key, or of a part of a map: {sorted(names)}")
    new = dict(before)
    for change in write.changes:
        _apply(change, before, new)
    return new


def _apply(change: Change, before: Item, new: Item) -> None:
    match change:
        case Set(name, None) | Remove(name):
            new.pop(name, None)
        case Set(name, value):
            new[name] = copy_of_value(value)
        case SetIfAbsent(name, None):
            raise RefusedError(f"SetIfAbsent({name!r}) without a value")
        case SetIfAbsent(name, value):
            new.setdefault(name, copy_of_value(value))
        case Add(name, amount):
            number = before.get(name, 0)
            if isinstance(number, bool) or not isinstance(number, int):
                raise RefusedError(f"{name} is no number to add to")
            new[name] = number + amount


def check_transaction(writes: Sequence[Write]) -> None:
    if not 1 <= len(writes) <= TRANSACTION_LIMIT:
        raise RefusedError(f"a transaction of {len(writes)} writes")
    rows = [(write.table.name, key_of(write)) for write in writes]
    if len(set(rows)) != len(rows):
        raise RefusedError("a transaction writes the same row twice")

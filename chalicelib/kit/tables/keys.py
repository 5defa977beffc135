"""Tells which keys no row can have: DynamoDB refuses a request for them ("Service, account, and table quotas")."""

from chalicelib.kit.tables.conditions import Between
from chalicelib.kit.tables.driver import Query, Ref

PARTITION_BYTES = 2_048
SORT_BYTES = 1_024


def is_possible(value: object, most_bytes: int = SORT_BYTES) -> bool:
    """Whether DynamoDB takes a key of that value: a number, or a text of one byte at least that has a form in UTF-8."""
    if not isinstance(value, str):
        return True
    try:
        return 0 < len(value.encode()) <= most_bytes
    except UnicodeEncodeError:  # a half of a pair of surrogates
        return False


def can_be(ref: Ref) -> bool:
    """Whether there can be such a row."""
    table, key = ref
    by_sort = table.sort is None or is_possible(key[table.sort])
    return by_sort and is_possible(key[table.partition], PARTITION_BYTES)


def is_empty(query: Query) -> bool:
    """Whether a query, as it is sent, can find nothing."""
    if isinstance(query.sort, Between) and query.sort.low > query.sort.high:  # type: ignore[operator]
        return True
    return not is_possible(query.partition, PARTITION_BYTES)

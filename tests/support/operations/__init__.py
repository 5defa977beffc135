"""The needs of each operation of each family. A module for each family, with its `OPERATIONS`."""

from collections.abc import Callable, Hashable, Iterable
from importlib import import_module
from typing import Any

import pytest

from chalicelib.web.operation_table import OperationRow
from tests.support.operations.table import Operations

__all__ = ["one_of_each", "operations_of"]


def operations_of(family: str) -> Operations[Any]:
    """Those of the family of that name."""
    found: Operations[Any] = import_module(f"{__name__}.{family}").OPERATIONS
    return found


def one_of_each(rows: Iterable[OperationRow], declared: Callable[[OperationRow], Hashable]) -> list[Any]:
    """The rows as parameters, for a test of what operations share: after the first with that in its declaration, the
    others are slow."""
    seen: set[Hashable] = set()
    params = []
    for row in rows:
        told = row.family, row.api, declared(row)
        params.append(pytest.param(row, id=str(row), marks=pytest.mark.slow if told in seen else ()))
        seen.add(told)
    return params

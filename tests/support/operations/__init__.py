"""The needs of each operation of each family. A module for each family, with its `OPERATIONS`."""

from importlib import import_module
from typing import Any

from tests.support.operations.table import Operations

__all__ = ["operations_of"]


def operations_of(family: str) -> Operations[Any]:
    """Those of the family of that name."""
    found: Operations[Any] = import_module(f"{__name__}.{family}").OPERATIONS
    return found

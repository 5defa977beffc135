"""The table of operations is whole."""

from tests.bench.operations import FILES, OPERATIONS
from tests.bench.scene import ENDPOINTS


def test_every_api_operation_is_measured():
    assert {operation.view for operation in OPERATIONS} | FILES == set(ENDPOINTS)


def test_measured_operation_names_are_unique():
    names = [operation.name for operation in OPERATIONS]
    assert len(names) == len(set(names))

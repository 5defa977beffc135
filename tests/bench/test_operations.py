"""The table of operations is whole."""

from tests.bench.operations import FILES, OPERATIONS
from tests.bench.scene import ENDPOINTS


def test_every_operation_of_the_api_is_measured():
    assert {operation.view for operation in OPERATIONS} | FILES == set(ENDPOINTS)


def test_no_case_stands_twice():
    names = [operation.name for operation in OPERATIONS]
    assert len(names) == len(set(names))

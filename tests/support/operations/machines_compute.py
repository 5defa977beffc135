"""The compute API's operations."""

from typing import Any

from tests.support.operations.table import Options


def as_it_is(_: Any) -> Options:
    return {}


BODIES: dict[str, Any] = {}

PREPARED = {
    "show_compute_document": as_it_is,
    "list_apis_of_machines_host": as_it_is,
    "list_templates": as_it_is,
    "list_zones": as_it_is,
}

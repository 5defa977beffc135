"""Tables and handlers of functions, from the families' values."""

from collections.abc import Mapping, Sequence

from chalicelib.families import EVERY, deployed
from chalicelib.kit.queues import Queue
from chalicelib.kit.tables import Query
from chalicelib.platform.context import QueueSource, StreamSource
from chalicelib.platform.families import Families

FAMILIES = deployed(EVERY)
"""The platform and every family of the project."""

TABLES = FAMILIES.tables

TOTALS: Mapping[str, Sequence[Query]] = {
    total: queries for counted in FAMILIES.counted for total, queries in counted.totals.items()
}
"""The counters that a recount knows by name, with its COUNT queries."""

_FUNCTIONS = FAMILIES.functions


def workers_of(families: Families) -> Mapping[Queue, str]:
    """The handler of each queue's worker."""
    return {each.source.queue: each.handler for each in families.functions if isinstance(each.source, QueueSource)}


WORKERS = workers_of(FAMILIES)

(RELAY,) = (each.handler for each in _FUNCTIONS if isinstance(each.source, StreamSource))


def handler_of(function: str) -> str:
    """The handler of the function of that name. Raises LookupError."""
    for each in _FUNCTIONS:
        if each.name == function:
            return each.handler
    raise LookupError(function)


def module_of(function: str) -> str:
    """The module that is loaded for the function of that name. Raises LookupError."""
    return handler_of(function).rpartition(".")[0]

"""Tables and handlers of functions, from the families' values."""

from collections.abc import Mapping, Sequence

from chalicelib.families import deployed
from chalicelib.kit.queues import Queue
from chalicelib.kit.tables import Table
from chalicelib.platform.context import QueueSource, StreamSource

TABLES: Sequence[Table] = deployed("").tables
"""Every table of the project."""

_FUNCTIONS = deployed("").functions

WORKERS: Mapping[Queue, str] = {
    each.source.queue: each.handler for each in _FUNCTIONS if isinstance(each.source, QueueSource)
}
"""The handler of each queue's worker."""

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

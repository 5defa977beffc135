"""A check of each thing that is found for a request, by the id and the names of the thing.

A context variable and not an argument: a lookup deep inside a use case cannot forget to pass the check on. Workers have
none.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

Check = Callable[[Sequence[str]], None]
"""Gets the id and the names of a thing. Raises `EdgeError` (forbidden) for one that is not reached."""

_checks: ContextVar[tuple[Check, ...]] = ContextVar("checks", default=())


@contextmanager
def checking(check: Check) -> Iterator[None]:
    """Have `check_found` make this check until the block ends, beside those that it makes already."""
    token = _checks.set((*_checks.get(), check))
    try:
        yield
    finally:
        _checks.reset(token)


def check_found(*texts: str) -> None:
    """``texts`` are the id and the names of a thing that has been found. Raises `EdgeError` (forbidden) if a check
    refuses it."""
    for check in _checks.get():
        check(texts)

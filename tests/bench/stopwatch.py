"""Processor time of our own code: what a fake DynamoDB takes to answer is measured apart and left out."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from tests.support.fakes.dynamo import FakeDynamo

ENTRANCES = ("get", "batch_get", "query", "query_many", "write", "transact")


class Stopwatch:
    """Watches one fake: from now on every call of its driver is timed."""

    def __init__(self, driver: FakeDynamo) -> None:
        self._in_driver = 0.0
        self._depth = 0
        for name in ENTRANCES:
            setattr(driver, name, self._watched(getattr(driver, name)))

    def own_seconds(self, work: Callable[[], Any]) -> float:
        """What the work takes outside of the driver."""
        self._in_driver = 0.0
        started = time.process_time()
        work()
        return time.process_time() - started - self._in_driver

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def timed(*arguments: Any, **options: Any) -> Any:
            self._depth += 1
            started = time.process_time()
            try:
                return call(*arguments, **options)
            finally:
                self._depth -= 1
                if not self._depth:
                    self._in_driver += time.process_time() - started

        return timed


@contextmanager
def no_collection() -> Iterator[None]:
    """No garbage is collected inside: a million rows of a fake are objects to look through that no function holds."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

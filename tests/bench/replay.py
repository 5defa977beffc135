"""A driver that gives the answers that another gave before: what remains of a request's time is the functions' own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from chalicelib.kit.tables import Call, Driver, Meter


class StoppedClock:
    """It is always the same time, so that nothing falls due between two requests."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing here waits {seconds} s")


class ReplayDriver:
    """Implements `Driver` by the answers, in order, that ``source`` gave while `recording`; `rewind` begins anew."""

    def __init__(self, source: Driver) -> None:
        self.meter = Meter()
        self._source = source
        self._tape: list[tuple[Any, list[Call]]] = []
        self._place = 0
        self._records = False

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Ask the source, and keep what it answers."""
        self._tape, self._records = [], True
        try:
            yield
        finally:
            self._records = False

    def rewind(self) -> None:
        self._place = 0

    def get(self, *args: Any, **options: Any) -> Any:
        return self._answer(self._source.get, args, options)

    def batch_get(self, *args: Any, **options: Any) -> Any:
        return self._answer(self._source.batch_get, args, options)

    def query(self, *args: Any) -> Any:
        return self._answer(self._source.query, args, {})

    def query_many(self, *args: Any) -> Any:
        return self._answer(self._source.query_many, args, {})

    def write(self, *args: Any) -> Any:
        return self._answer(self._source.write, args, {})

    def transact(self, *args: Any) -> Any:
        return self._answer(self._source.transact, args, {})

    def _answer(self, ask: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]) -> Any:
        if self._records:
            before = len(self._source.meter.calls)
            answer = ask(*args, **options)
            calls = self._source.meter.calls[before:]
            self._tape.append((answer, calls))
        else:
            answer, calls = self._tape[self._place]
            self._place += 1
        for call in calls:
            self.meter.record(call)
        return answer

"""Time and chance under the control of a test."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock, Semaphore, Thread, get_ident
from typing import Any, Protocol

from chalicelib.kit.ids import Ids

START = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)


class Scheduler(Protocol):
    """Runs tasks concurrently on a clock."""

    def has_turn(self) -> bool:
        """Whether the caller is one of its tasks."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let others go on meanwhile."""
        ...


class FakeClock:
    """A clock that moves only when told to. ``sleep`` moves it by what was asked, and notes the pause in ``pauses``."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._lock = Lock()
        self._together: Scheduler | None = None
        self.pauses: list[float] = []

    def __deepcopy__(self, _memo: Any) -> "FakeClock":
        """Another that shows the same time."""
        return FakeClock(self._now)

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        together = self._together
        if together is not None and together.has_turn():
            together.sleep(seconds)
        else:
            self.advance(seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def set(self, now: datetime) -> None:
        with self._lock:
            self._now = now

    def follow(self, scheduler: "Scheduler | None") -> None:
        """Leave it to this one what sleeping means within its tasks."""
        self._together = scheduler

    def run_together(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run the tasks as if at once, deterministically: one at a time, and whenever one sleeps, the one that is due
        next goes on, the clock standing at its time. Returns what each returned, or the exception that it raised.

        With ``FakeDynamo.latency`` every call sleeps, so the tasks interleave between all their calls.
        """
        self._together = together = _Together(self, tasks)
        try:
            return together.run()
        finally:
            self._together = None


class _Together:
    """Hands one baton from task to task in the order of their wake-up times."""

    def __init__(self, clock: FakeClock, tasks: Sequence[Callable[[], Any]]) -> None:
        self._clock = clock
        self._tasks = tasks
        self._batons = [Semaphore(0) for _ in tasks]
        self._due: dict[int, datetime] = dict.fromkeys(range(len(tasks)), clock.now())
        self._index_of: dict[int, int] = {}
        self._outcomes: list[Any] = [None] * len(tasks)

    def has_turn(self) -> bool:
        return get_ident() in self._index_of

    def run(self) -> list[Any]:
        threads = [Thread(target=self._work, args=(index,), daemon=True) for index in range(len(self._tasks))]
        for thread in threads:
            thread.start()
        self._pass_on()
        for thread in threads:
            thread.join()
        return self._outcomes

    def sleep(self, seconds: float) -> None:
        index = self._index_of[get_ident()]
        self._due[index] = self._clock.now() + timedelta(seconds=seconds)
        self._pass_on()
        self._batons[index].acquire()

    def _work(self, index: int) -> None:
        self._batons[index].acquire()
        self._index_of[get_ident()] = index
        try:
            self._outcomes[index] = self._tasks[index]()
        except BaseException as error:  # noqa: BLE001 - the outcome of a task may be any failure, a crash too
            self._outcomes[index] = error
        del self._index_of[get_ident()]
        del self._due[index]
        self._pass_on()

    def _pass_on(self) -> None:
        """Let the task that is due first go on (the lower index wins a tie). Only the holder of the baton calls this,
        so nothing here needs a lock."""
        if self._due:
            index = min(self._due, key=lambda index: (self._due[index], index))
            self._clock.set(max(self._clock.now(), self._due[index]))
            self._batons[index].release()


class FakeIds(Ids):
    """The same ids and "random" bytes in every run with the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._lock = Lock()

    def __deepcopy__(self, _memo: Any) -> "FakeIds":
        """Another that draws from here on what this one does."""
        twin = FakeIds()
        twin._random.setstate(self._random.getstate())
        return twin

    def restart(self, seed: int) -> None:
        """Draw from here on as a new instance would, however much was drawn so far."""
        with self._lock:
            self._random.seed(seed)

    def token_bytes(self, count: int) -> bytes:
        with self._lock:
            return self._random.randbytes(count)

    def fraction(self) -> float:
        with self._lock:
            return self._random.random()

"""A time that passes only by what is done in it: activities side by side, call by call in the order of their times."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from threading import Semaphore, Thread, get_ident

from tests.support.fakes.clock import FakeClock

_SECOND = timedelta(seconds=1)


class Killed(BaseException):
    """The function was at work when its time was up: nothing in the program may catch it."""


class Timeline:
    """Drives a `FakeClock`. A sleep within an activity (`start`) lets other activities run that are due first; an
    activity with a ``deadline`` is killed there. Deterministic: of activities due at the same time, the older runs
    first."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._order = count()
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._batons: dict[int, Semaphore] = {}
        self._deadlines: dict[int, datetime] = {}
        self._turn = Semaphore(0)
        self._failures: list[BaseException] = []
        clock.follow(self)

    def at(self, when: datetime, action: Callable[[], None]) -> None:
        """Do something that takes no time itself, then."""
        heappush(self._due, (when, next(self._order), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """The same, so much later than now."""
        self.at(self._clock.now() + timedelta(seconds=seconds), action)

    def start(self, activity: Callable[[], None], deadline: datetime) -> None:
        """Begin now what takes time: a thread of its own, of which one runs at a time."""
        baton = Semaphore(0)

        def work() -> None:
            baton.acquire()
            self._batons[get_ident()] = baton
            self._deadlines[get_ident()] = deadline
            try:
                activity()
            except BaseException as error:  # noqa: BLE001 - told to whoever runs the timeline
                self._failures.append(error)
            del self._batons[get_ident()], self._deadlines[get_ident()]
            self._turn.release()

        Thread(target=work, daemon=True).start()
        self.at(self._clock.now(), lambda: self._let_on(baton))

    def has(self, thread: int) -> bool:
        return thread in self._batons

    def sleep(self, seconds: float) -> None:
        """Within an activity. Raises `Killed` at its deadline, if that comes first."""
        me = get_ident()
        baton, deadline = self._batons[me], self._deadlines[me]
        end = self._clock.now() + timedelta(seconds=seconds)
        self.at(min(end, deadline), lambda: self._let_on(baton))
        self._turn.release()
        baton.acquire()
        if end > deadline:
            raise Killed

    def run(self, until: datetime, is_done: Callable[[], bool]) -> None:
        """Let time pass until then, or until ``is_done`` says so, which is asked once a second. Passes on the errors of
        activities."""
        asked = self._clock.now()
        while not self._failures:
            following = self._due[0][0] if self._due else until
            if asked + _SECOND <= min(following, until):
                asked += _SECOND
                self._clock.set(max(asked, self._clock.now()))
                if is_done():
                    return
            elif self._due and following <= until:
                when, _, action = heappop(self._due)
                self._clock.set(max(when, self._clock.now()))
                action()
            else:
                return
        raise self._failures[0]

    def _let_on(self, baton: Semaphore) -> None:
        baton.release()
        self._turn.acquire()

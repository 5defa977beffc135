"""A time that passes only by what is done in it: activities side by side, call by call in the order of their times."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from tests.support.fakes.clock import FakeClock

_SECOND = timedelta(seconds=1)


class Killed(BaseException):
    """The function was at work when its time was up: nothing in the program may catch it."""


class Activity(greenlet):
    """Something that takes time. ``about`` describes it to its starter while it runs."""

    def __init__(self, run: Callable[[], None], deadline: datetime, about: Any) -> None:
        super().__init__(run)
        self.deadline = deadline
        self.about = about


class Timeline:
    """Drives a `FakeClock`. A sleep within an activity (`start`) lets other activities run that are due first; an
    activity with a ``deadline`` is killed there. Deterministic: of activities due at the same time, the older runs
    first. Activities are greenlets: all in one thread, each with its own context variables."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._order = count()
        self._due: list[tuple[datetime, int, Callable[[], object]]] = []
        self._running: set[Activity] = set()
        self._failures: list[BaseException] = []
        self._until = clock.now()
        """As far as time may pass before the driver is asked again."""
        clock.follow(self)

    def at(self, when: datetime, action: Callable[[], object]) -> None:
        """Do something that takes no time itself, then."""
        heappush(self._due, (when, next(self._order), action))

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """The same, so much later than now."""
        self.at(self._clock.now() + timedelta(seconds=seconds), action)

    def start(self, activity: Callable[[], None], deadline: datetime, about: Any = None) -> None:
        """Begin now what takes time."""

        def work() -> None:
            try:
                activity()
            except GreenletExit:
                return
            except BaseException as error:  # noqa: BLE001 - told to whoever runs the timeline
                self._failures.append(error)
            self._running.discard(new)

        new = Activity(work, deadline, about)

        def begin() -> None:
            new.parent = getcurrent()  # an activity may have started this one, and may be over before it
            new.switch()

        self._running.add(new)
        self.at(self._clock.now(), begin)

    @property
    def current(self) -> Activity | None:
        """The activity that is at work now, if it is one that asks."""
        here = getcurrent()
        return here if isinstance(here, Activity) else None

    def has_turn(self) -> bool:
        return self.current is not None

    def sleep(self, seconds: float) -> None:
        """Within an activity. Raises `Killed` at its deadline, if that comes first."""
        me = self.current
        assert me is not None
        end = self._clock.now() + timedelta(seconds=seconds)
        if end <= me.deadline and end < self._until and (not self._due or end < self._due[0][0]):
            self._clock.set(end)  # nothing else is due before
            return
        self.at(min(end, me.deadline), me.switch)
        assert me.parent is not None
        me.parent.switch()
        if end > me.deadline:
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
                self._until = min(until, asked + _SECOND)
                action()
            else:
                return
        raise self._failures[0]

    def close(self) -> None:
        """End all that is at work. Nothing happens on it any more."""
        self._due.clear()
        for activity in sorted(self._running, key=lambda each: each.deadline):
            activity.throw(GreenletExit)
        self._running.clear()
        self._clock.follow(None)

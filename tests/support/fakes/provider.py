"""A strict provider of things that have a power state: the judge of the engine. `provider_driver` has its driver.

It has the habits of real ones that a friendly fake hides: things take time, descriptions lag behind, a token makes one
thing however often it is sent, calls are throttled, refused or lack capacity, answers are lost after the work is done,
work is done after its answer was lost, things break and vanish. It moves with the clock that it is given; faults are
planned by tests, one by one.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib.kit.clock import Clock
from chalicelib.platform.provisioning.model import Power, Resource, Seen
from chalicelib.platform.provisioning.ports import AgainLaterError, GoneError, RefusedError
from tests.support.fakes.dynamo_faults import Crash


class Fault(StrEnum):
    """The fate of one call."""

    THROTTLED = "throttled"
    """Refused before any work."""
    NO_CAPACITY = "no capacity"
    """Refused before any work."""
    REFUSED = "refused"
    """Refused for good."""
    ANSWER_LOST = "answer lost"
    """The work is done; the caller does not learn of it."""
    LATE = "late"
    """The caller gets no answer; the work is done `Boxes.late_seconds` later."""
    OLD = "old"
    """The answer to a look is that of a server which does not know of anything yet. No two looks at a resource in a row
    meet it."""
    LOST = "lost"
    """The caller gets no answer, and no work is done."""
    BUG = "bug"
    """The driver raises an error that its port does not name."""
    CRASH_BEFORE = "crash before"
    """The function dies before the provider is asked."""
    CRASH_AFTER = "crash after"
    """The function dies when the provider has done its work."""


@dataclass
class Box:
    """A thing at the provider. ``until`` is when its present state changes into ``then``."""

    id: str
    tags: dict[str, str]
    token: str
    made_at: datetime
    seen: Seen = Seen.BECOMING
    until: datetime | None = None
    then: Seen | None = None
    reason: str = ""
    size: Any = None
    acts: list[tuple[int, str]] = field(default_factory=list)
    generation: int = 1

    @property
    def is_there(self) -> bool:
        """Whether it exists, as far as its owner pays for it."""
        return self.seen not in {Seen.ENDING, Seen.ENDED}


class Boxes:
    """The provider. Times are seconds: ``start``, ``stop``, ``end`` for changes of state, ``lag`` for descriptions,
    ``forget`` until a box that has ended is not described any more, ``late`` for calls that arrive late."""

    def __init__(self, clock: Clock, *, start: float = 20, stop: float = 10, end: float = 15, lag: float = 5) -> None:
        self.start_seconds, self.stop_seconds, self.end_seconds, self.lag_seconds = start, stop, end, lag
        self.forget_seconds, self.late_seconds = 3600.0, 60.0
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        """Each call with the ids of its resources."""
        self.faults: dict[str, deque[Fault]] = {}
        self.is_down = False
        self.seconds_per_call = 0.0
        self.poison = ""
        """The id of a resource that no look can bear: the driver has a bug."""
        self.left_out = ""
        """The id of a resource that the driver leaves out of what it sees."""
        self.most_ever_there: dict[str, int] = {}
        """The most boxes that a resource had at a time."""
        self.overlaps: set[str] = set()
        """The resources for which two callers wanted to make, change or remove something at the same time."""
        self.shown_old: set[str] = set()
        """The resources of which the last look told what was long ago."""
        self._asked: set[str] = set()
        self._clock = clock
        self._boxes: dict[str, Box] = {}
        self._views: list[tuple[datetime, dict[str, Box]]] = []
        self._arriving: list[tuple[datetime, Resource]] = []
        self._made = 0

    # -- what a test does --------------------------------------------------------------------------------------------

    def plan(self, call: str, *faults: Fault) -> None:
        """These faults meet the next calls of that name (`create`, `change`, `delete`, `observe`)."""
        self.faults.setdefault(call, deque()).extend(faults)

    def boxes(self) -> list[Box]:
        """The boxes as they are now, ended ones too."""
        self._pass_time()
        return list(self._boxes.values())

    def there(self, resource_id: str | None = None) -> list[Box]:
        """The boxes that exist, of one resource or of all."""
        return [box for box in self.boxes() if box.is_there and resource_id in {None, box.tags.get("resource")}]

    def is_coming(self, resource_id: str) -> bool:
        """Whether a box of the resource is not there yet, and will be without a further call."""
        return any(resource.id == resource_id and at > self._clock.now() for at, resource in self._arriving)

    def plant(self, tenant: str, resource_id: str) -> Box:
        """A box with our tags that no driver made."""
        return self._make(tenant, resource_id, token=f"planted-{self._made}", at=self._clock.now())

    def vanish(self, box_id: str) -> None:
        """The box is gone at once, and nothing tells of it."""
        self._pass_time()
        self._boxes.pop(box_id)
        self._note()

    def become(self, box_id: str, seen: Seen, reason: str = "") -> None:
        """The box is in this state at once: somebody else did that."""
        self._pass_time()
        self._set(self._boxes[box_id], seen, reason)

    def hang(self, box_id: str) -> None:
        """The box stays in its present state until it is told to go on (`become`)."""
        self._pass_time()
        self._boxes[box_id].until = None

    # -- what its driver does ----------------------------------------------------------------------------------------

    def meet(self, call: str, resources: Sequence[Resource]) -> Fault | None:
        """Count a call; raises the error of its fault if there is one before any work."""
        if self.seconds_per_call:
            asked = set() if call == "observe" else {each.id for each in resources}
            self.overlaps |= asked & self._asked
            self._asked |= asked
            try:
                self._clock.sleep(self.seconds_per_call)
            finally:
                self._asked -= asked
        self._pass_time()
        self.calls.append((call, tuple(each.id for each in resources)))
        if self.is_down:
            raise AgainLaterError("The provider does not answer")
        waiting = self.faults.get(call)
        fault = waiting.popleft() if waiting else None
        match fault:
            case Fault.THROTTLED:
                raise AgainLaterError("The provider is throttling requests", 3, nothing_done=True)
            case Fault.NO_CAPACITY:
                raise AgainLaterError("There is no capacity in this zone: use another one", nothing_done=True)
            case Fault.REFUSED:
                raise RefusedError("The size is not offered in this zone: choose another size")
            case Fault.LOST:
                raise AgainLaterError("The provider did not answer")
            case Fault.BUG:
                raise ValueError("a secret of a driver")
            case Fault.CRASH_BEFORE:
                raise Crash
            case _:
                return fault

    def create(self, resource: Resource) -> Box:
        """Make a box, or find the one of this token."""
        for box in self._boxes.values():
            if box.token == resource.id:
                return box
        return self._make(resource.tenant, resource.id, token=resource.id, at=self._clock.now(), of=resource)

    def create_late(self, resource: Resource) -> None:
        """Make it some time later."""
        self._arriving.append((self._clock.now() + timedelta(seconds=self.late_seconds), resource))

    def described(self) -> dict[str, Box]:
        """The boxes as descriptions show them: as they were some seconds ago."""
        self._pass_time()
        horizon = self._clock.now() - timedelta(seconds=self.lag_seconds)
        shown: dict[str, Box] = {}
        for at, boxes in self._views:
            if at <= horizon:
                shown = boxes
        return shown

    def change(self, box: Box, resource: Resource) -> None:
        """Make it as the resource says: size, power, and an act, once for its generation."""
        if box.seen in {Seen.BECOMING, Seen.STOPPING}:
            raise AgainLaterError("It is still changing", nothing_done=True)
        if not box.is_there:
            raise GoneError("It is not there any more")
        box.size = resource.spec.get("size")
        if resource.act and (resource.generation, resource.act) not in box.acts:
            box.acts.append((resource.generation, resource.act))
            self._move(box, Seen.BECOMING, self.start_seconds, Seen.READY)
        elif resource.power is Power.OFF and box.seen is Seen.READY:
            self._move(box, Seen.STOPPING, self.stop_seconds, Seen.STOPPED)
        elif resource.power is Power.ON and box.seen is Seen.STOPPED:
            self._move(box, Seen.BECOMING, self.start_seconds, Seen.READY)
        box.generation = max(box.generation, resource.generation)
        self._note()

    def answer(self, fault: Fault | None) -> None:
        """Raise the error of a fault that comes after the work."""
        if fault is Fault.ANSWER_LOST:
            raise AgainLaterError("The provider did not answer")
        if fault is Fault.CRASH_AFTER:
            raise Crash

    def end(self, box: Box) -> None:
        """Begin to remove it."""
        if box.is_there:
            self._move(box, Seen.ENDING, self.end_seconds, Seen.ENDED)

    def current(self, resource: Resource) -> Box | None:
        """The box of a resource as it is, by its id or by its tags."""
        box = self._boxes.get(resource.external.get("id", ""))
        if box is not None:
            return box
        own = [each for each in self._boxes.values() if each.token == resource.id]
        return own[-1] if own else None

    # -- time --------------------------------------------------------------------------------------------------------

    def _make(self, tenant: str, resource_id: str, *, token: str, at: datetime, of: Resource | None = None) -> Box:
        self._made += 1
        box = Box(f"box-{self._made:04}", {"tenant": tenant, "resource": resource_id}, token, at)
        if of is not None:
            box.size, box.generation = of.spec.get("size"), of.asked_generation
        self._boxes[box.id] = box
        self._move(box, Seen.BECOMING, self.start_seconds, Seen.READY)
        there = sum(each.is_there for each in self._boxes.values() if each.tags["resource"] == resource_id)
        self.most_ever_there[resource_id] = max(there, self.most_ever_there.get(resource_id, 0))
        return box

    def _move(self, box: Box, seen: Seen, seconds: float, then: Seen) -> None:
        box.seen, box.until, box.then = seen, self._clock.now() + timedelta(seconds=seconds), then
        self._note()

    def _set(self, box: Box, seen: Seen, reason: str = "") -> None:
        box.seen, box.until, box.then, box.reason = seen, None, None, reason
        self._note()

    def _pass_time(self) -> None:
        """Everything that was to happen until now happens, in its order, and descriptions follow."""
        now = self._clock.now()
        while True:
            moving = [(box.until, box) for box in self._boxes.values() if box.until is not None and box.until <= now]
            coming = [(at, resource) for at, resource in self._arriving if at <= now]
            if not moving and not coming:
                return
            first_move = min((at for at, _ in moving), default=None)
            first_arrival = min((at for at, _ in coming), default=None)
            if first_arrival is not None and (first_move is None or first_arrival <= first_move):
                at, resource = next(each for each in coming if each[0] == first_arrival)
                self._arriving.remove((at, resource))
                if all(box.token != resource.id for box in self._boxes.values()):
                    self._make(resource.tenant, resource.id, token=resource.id, at=at, of=resource)
                continue
            at, box = next(each for each in moving if each[0] == first_move)
            if box.seen is Seen.ENDED:
                del self._boxes[box.id]
            else:
                box.seen, box.until, box.then = box.then or box.seen, None, None
                if box.seen is Seen.ENDED:
                    box.until = at + timedelta(seconds=self.forget_seconds)
            self._note(at)

    def _note(self, at: datetime | None = None) -> None:
        """Remember the boxes as they are from now on, for descriptions; forget what none shows any more."""
        at = at or self._clock.now()
        self._views.append((at, {box.id: replace(box, acts=list(box.acts)) for box in self._boxes.values()}))
        horizon = self._clock.now() - timedelta(seconds=self.lag_seconds)
        while len(self._views) > 1 and self._views[1][0] <= horizon:
            self._views.pop(0)

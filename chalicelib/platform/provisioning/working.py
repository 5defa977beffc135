"""`Provisioning`: makes the world follow the rows. The use case of the worker.

A message may come twice, late, or beside another for the same resource: the row decides. Before a provider is asked to
make, change or remove something the row says so, with a time until which no other worker touches it; its answer is
written to the row as it is then. Whatever is lost in between, the row is due again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil

from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.errors import unavailable
from chalicelib.kit.log import Level, Log
from chalicelib.kit.queues import LONGEST_DELAY_SECONDS, Message, Queues
from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.provisioning.changes import message_of
from chalicelib.platform.provisioning.model import Observation, Resource, Seen
from chalicelib.platform.provisioning.outcomes import Answer, answered, unobserved
from chalicelib.platform.provisioning.ports import AgainLaterError, Driver, Kind, ProviderError
from chalicelib.platform.provisioning.queues import PROVISIONING
from chalicelib.platform.provisioning.resource_store import ChangedMeanwhileError, Name, ResourceStore
from chalicelib.platform.provisioning.rules import decide
from chalicelib.platform.provisioning.steps import Do, Step

AT_ONCE = 100
"""The most resources that a driver observes in one call."""

MOST_HOPS = 12
"""Messages in a row that the worker sends to itself. Lambda takes a longer chain for a mistake after some 16 (Lambda
developer guide, "recursive loop detection"); the sweep goes on with a new one."""

UNEXPECTED = "It failed unexpectedly, and is tried again; the operator's log says more"
"""The reason for the owner of a resource whose driver raises an unexpected error."""

PAUSED = "It took too long to begin, and is tried again"
"""The reason for the owner of a resource whose worker paused before its call until others may touch the resource."""

_NOT_SEEN = Observation(Seen.MISSING)
_IDLE = frozenset({Do.NOTHING, Do.LOOK})
_CALLS = frozenset({Do.CREATE, Do.CHANGE, Do.DELETE})


class Provisioning:
    """``kinds`` are all kinds by name, ``driver_of`` finds a kind's driver."""

    def __init__(
        self,
        store: ResourceStore,
        kinds: Mapping[str, Kind],
        driver_of: Callable[[str], Driver],
        queues: Queues,
        clock: Clock,
        log: Log,
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._driver_of = driver_of
        self._queues = queues
        self._clock = clock
        self._log = log

    def work(self, messages: Sequence[Message], time: WorkTime) -> None:
        """Look at the resources of these messages and do the next step of each. A resource that the time
        does not suffice for stays due: the sweep finds it."""
        wanted: dict[str, dict[Name, int]] = defaultdict(dict)
        for message in messages:
            for tenant, resource_id in message["resources"]:
                wanted[message["kind"]][(tenant, resource_id)] = int(message["hop"])
        for unknown in wanted.keys() - self._kinds.keys():
            self._log.line("unknown_kind", level=Level.ERROR, kind=unknown, count=len(wanted.pop(unknown)))
        is_first = True
        for kind, hops in sorted(wanted.items(), key=lambda each: self._kinds[each[0]].is_slow):
            names = list(hops)
            for start in range(0, len(names), AT_ONCE):
                if is_first or not time.is_over:
                    self._work_on(self._kinds[kind], names[start : start + AT_ONCE], hops, time)
                is_first = False

    def _work_on(self, kind: Kind, names: Sequence[Name], hops: Mapping[Name, int], time: WorkTime) -> None:
        now = self._clock.now()
        planned = [(each, decide(each, None, kind, now).do) for each in self._store.find_many(names)]
        to_look_at = [resource for resource, do in planned if do is Do.LOOK]
        to_do = [(resource, None) for resource, do in planned if do not in _IDLE]
        todo = [*to_do, *self._observed(kind, to_look_at)]
        written: list[Resource] = []
        for done, (resource, seen) in enumerate(todo):
            if done and time.is_over:
                break
            row = self._do(kind, resource, seen)
            written += [] if row is None else [row]
        self._follow(kind, written, hops)

    def _observed(
        self, kind: Kind, resources: Sequence[Resource]
    ) -> Iterator[tuple[Resource, Observation | ProviderError]]:
        """Each of these with its observation, or with the error that prevented it, which may be that of one alone. A
        bug that one of them meets in the driver is kept from the others, by looking at smaller and smaller parts."""
        if not resources:
            return
        try:
            seen = self._driver_of(kind.name).observe(resources)
            observed = [(resource, seen[resource.id]) for resource in resources]
        except ProviderError as error:
            yield from ((resource, error) for resource in resources)
        except Exception as caught:  # noqa: BLE001 - a driver that fails in any way must not stop other resources
            if len(resources) == 1:
                yield resources[0], self._as_provider_error(caught, "observe", resources[0])
                return
            middle = len(resources) // 2
            yield from self._observed(kind, resources[:middle])
            yield from self._observed(kind, resources[middle:])
        else:
            yield from observed

    def _do(self, kind: Kind, resource: Resource, seen: Observation | ProviderError | None) -> Resource | None:
        """Do the next step of a resource; returns it as it was written, None if there was nothing to do. Raises
        `EdgeError` (service unavailable) if its row stays contended."""
        observation = None if isinstance(seen, ProviderError) else seen
        for _ in self._store.tries():
            now = self._clock.now()
            step = decide(resource, observation, kind, now)
            if step.do is Do.LOOK and isinstance(seen, ProviderError):
                step = Step(Do.WRITE, unobserved(resource, seen, kind, now))
            if step.do in _IDLE:
                return None
            if step.do is Do.FORGET:
                self._store.remove(resource, "resource.forgotten")
                return None
            try:
                row = self._store.follow(resource, step.row, now)
            except ChangedMeanwhileError as error:
                if error.current is None or (seen and error.current.generation != resource.generation):
                    return None  # it was looked at for an older specification, and a message of its own is under way
                resource = error.current
            else:
                return row if step.do not in _CALLS else self._call(kind, resource, Step(step.do, row), observation)
        raise unavailable()

    def _call(self, kind: Kind, before: Resource, step: Step, seen: Observation | None) -> Resource | None:
        """Ask the provider, and write its answer to the row. Raises `EdgeError` (service unavailable) if the row stays
        contended."""
        answer = self._ask(kind, before, step, seen or _NOT_SEEN)
        resource: Resource | None = step.row
        for _ in self._store.tries():
            if resource is None:
                return None
            now = self._clock.now()
            try:
                return self._store.follow(resource, answered(resource, step, answer, kind, now), now)
            except ChangedMeanwhileError as error:
                resource = error.current
        raise unavailable()

    def _ask(self, kind: Kind, before: Resource, step: Step, seen: Observation) -> Answer:
        row = step.row
        external: Mapping[str, str] = {}
        if row.leased_until is not None and row.leased_until <= to_seconds_text(self._clock.now()):
            return _refusal(AgainLaterError(PAUSED, nothing_done=True), before)  # another worker may have asked since
        try:
            driver = self._driver_of(kind.name)
            match step.do:
                case Do.CREATE:
                    external = driver.create(row)
                case Do.CHANGE:
                    act = "" if row.asked_generation >= row.generation else row.act
                    driver.change(
                        row.model_copy(update={"act": act, "begun_generation": before.begun_generation}), seen
                    )
                case _:
                    driver.delete(row)
        except Exception as caught:  # noqa: BLE001 - as above
            return _refusal(self._as_provider_error(caught, step.do, row), before)
        return Answer(external, asked_before=before.asked_at)

    def _as_provider_error(self, caught: Exception, what: str, resource: Resource) -> ProviderError:
        if isinstance(caught, ProviderError):
            return caught
        self._log.failure("driver_failed", caught, kind=resource.kind, id=resource.id, call=what)
        return AgainLaterError(UNEXPECTED)

    def _follow(self, kind: Kind, resources: Sequence[Resource], hops: Mapping[Name, int]) -> None:
        """Send messages for the next looks that are near; the sweep finds the others, and those whose message is
        lost."""
        now = self._clock.now()
        later: dict[tuple[int, int], list[Name]] = defaultdict(list)
        for resource in resources:
            name, hop = (resource.tenant, resource.id), hops[(resource.tenant, resource.id)] + 1
            if resource.due_at is not None and hop <= MOST_HOPS:
                delay = max(0, ceil((parse_time(resource.due_at) - now).total_seconds()))
                later[(delay, hop)].append(name)
        for (delay, hop), names in later.items():
            if 0 < delay <= LONGEST_DELAY_SECONDS:
                self._queues.send(PROVISIONING, [message_of(kind.name, names, hop)], delay_seconds=delay)


def _refusal(error: ProviderError, before: Resource) -> Answer:
    return Answer(error=error, asked_before=before.asked_at, begun_before=before.begun_generation)

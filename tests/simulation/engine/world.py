"""The whole application in a time that passes, with everything between it and AWS that goes wrong.

Each invocation, request and operator has a container of its own, as instances of Lambda do: one does one thing at a
time, and is used again unless it died. Before each call of AWS others may go on, and it may die, pause or be refused.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from chalicelib.bootstrap import platform_of
from chalicelib.platform.context import ScheduleSource
from chalicelib.platform.families import Families
from chalicelib.platform.wiring import Platform
from infra.functions import LambdaFunction
from tests.simulation.engine.at_work import AtWork
from tests.simulation.engine.aws import SimulatedBus, SimulatedDynamo, SimulatedSqs
from tests.simulation.engine.clocks import MOST_SECONDS, Skewed
from tests.simulation.engine.cloudwatch import SimulatedCloudWatch
from tests.simulation.engine.ec2 import SETTINGS as MACHINES
from tests.simulation.engine.ec2 import SimulatedEc2
from tests.simulation.engine.s3 import SimulatedS3
from tests.simulation.engine.weather import Weather
from tests.support.declared import FAMILIES
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.dynamo import Crash
from tests.support.fakes.dynamo_stream import StreamRecord
from tests.support.fakes.provider import Boxes
from tests.support.fakes.provider_driver import family_of, kind_of
from tests.support.fakes.timeline import Killed
from tests.support.provisioning import BoxCalls
from tests.support.timed_world import (
    START_SECONDS,
    Chain,
    Context,
    CountingDynamo,
    TimedWorld,
)
from tests.support.world import bus_message

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
CALL_SECONDS = 0.006
BOX_SECONDS = 0.4
SLOW_SECONDS = (0.2, 3.0)
PAUSE_SECONDS = (20.0, 1000.0)
REQUEST_SECONDS = 25.0
REPEAT_SECONDS = (0.0, 600.0)
DEAF_SECONDS = 40.0
"""Longer than any caller repeats a call."""

AT_ONCE_SECONDS = (1e-6, 0.01, None)
"""How long after a message its copy comes: with it, just after it, or any time."""

DELAY_SECONDS = (0.0, 90.0)
WEBSOCKET_URL = "wss://sockets.test"
PUBLIC_URL = "https://api.test"


class SimulatedWorld(BoxCalls, TimedWorld):
    """A `TimedWorld` in weather, in which boxes are made as well."""

    def __init__(self, seed: int, weather: Weather, **settings: Any) -> None:
        self.seed = seed
        self.weather = weather
        self._chance = Random(f"{seed} world")
        self._instances: list[Platform] = []
        self._outside: Platform | None = None
        clock = FakeClock()
        self.boxes = Boxes(clock)
        self.boxes.seconds_per_call = BOX_SECONDS
        families = Families((*FAMILIES.each, family_of(kind_of(self.boxes))))
        self.set_aside: dict[str, list[Any]] = {}
        """The messages in queues that no function works on."""
        self.past: list[tuple[str, int, StreamRecord]] = []
        self.calm_since = NEVER
        """When all faults had ended, and what they had left was moved back into its queues."""
        self.failed_in_calm: list[str] = []
        """What failed of the functions that were started since."""
        urls = {"public_url": PUBLIC_URL, "websocket_url": WEBSOCKET_URL, "registration": "open"}
        super().__init__(clock=clock, families=families, **urls, **MACHINES, **settings)
        self._known_queues = frozenset(families.queues)
        self.object_client = SimulatedS3(self)
        self.machine_client = SimulatedEc2(self, seed)
        self.metric_client = SimulatedCloudWatch(self)
        self.ids.restart(seed)
        self.driver.latency(0)
        self.queue_client = SimulatedSqs(self, self._sent)
        self.bus_client = SimulatedBus(self)

    # -- containers ----------------------------------------------------------------------------------------------

    @property
    def platform(self) -> Platform:
        """The container of whoever asks."""
        worker = None if self._outside is None else self.worker
        if worker is not None:
            return worker.platform
        assert self._outside is not None
        return self._outside

    @platform.setter
    def platform(self, platform: Platform) -> None:
        self._outside = platform

    def start(
        self,
        name: str,
        work: Callable[[], None],
        *,
        deadline: datetime = NEVER,
        chain: Chain | None = None,
        rng: Random | None = None,
    ) -> None:
        """Begin what takes time, with a container of its own. ``work`` may raise `Crash` or `Killed`: its container is
        gone then. ``rng`` is the chance of an operator."""

        def run() -> None:
            try:
                work()
            except (Crash, Killed):
                return
            self._instances.append(self.platform)

        self.timeline.start(run, deadline, AtWork(name, chain or {}, self._idle_instance(), rng))

    def lose_container(self) -> None:
        """The container of who is at work has died: what follows is done on another one."""
        activity, worker = self.timeline.current, self.worker
        if activity is not None and worker is not None:
            activity.about = AtWork(worker.function, worker.chain, self._idle_instance(), worker.rng)

    def _idle_instance(self) -> Platform:
        return self._instances.pop() if self._instances else self._new_instance()

    def _new_instance(self) -> Platform:
        assert self._outside is not None
        weather = self.weather
        outside: Any = self
        if weather.strikes(fault := "skewed_clocks"):
            outside = Skewed(self, weather.seconds(fault, -MOST_SECONDS, MOST_SECONDS))
        return platform_of(self._outside.settings, outside, lambda: self._families)

    def invoke(
        self,
        function: LambdaFunction,
        handler: str,
        event: Mapping[str, Any],
        chain: Chain,
        done: Callable[[Any], None],
    ) -> None:
        name = function.name
        if self.weather.strikes("start_refused"):
            self.timeline.after(1.0, lambda: done(None))
            return
        deadline = self.clock.now() + timedelta(seconds=function.timeout_seconds * self.timeouts)
        self.seen.invocations[name] += 1
        here = {**chain, name: chain.get(name, 0) + 1}
        failed = self.failed_in_calm if self.clock.now() >= self.calm_since else []

        def work() -> None:
            answer = None
            try:
                self.clock.sleep(START_SECONDS)
                said = self.call(handler, event, Context(self.clock, deadline)) or {}
                self._may_die("crash_at_the_end")
                answer = said
                failed.extend(f"{name}: a message" for _ in said.get("batchItemFailures", ()))
            except (Killed, Crash):
                self.seen.killed[name] += 1
                failed.append(f"{name}: killed")
                raise
            except Exception as error:  # noqa: BLE001 - as Lambda: the source hears that it failed
                self.seen.failed[name] += 1
                self.failures.append(f"{name}: {type(error).__name__}: {error}"[:300])
                failed.append(self.failures[-1])
            finally:
                done(answer)

        self.start(name, work, deadline=deadline, chain=here)

    @property
    def failures(self) -> list[str]:
        return self.__dict__.setdefault("_failed", [])

    # -- calls of AWS --------------------------------------------------------------------------------------------

    def meet(self) -> bool:
        """What happens before a call of AWS; whether it is one of an activity. Raises `Crash` and `Killed`."""
        activity = self.timeline.current
        if activity is None:
            return False
        weather = self.weather
        self._may_die("crash")
        if weather.strikes("pause"):
            seconds = weather.seconds("pause", *PAUSE_SECONDS)
            if not activity.about.chain:
                seconds = min(seconds, REQUEST_SECONDS)  # a request, which nobody waits for any longer
            elif activity.deadline != NEVER:
                activity.deadline += timedelta(seconds=seconds)
            activity.about.has_paused(seconds)
            self.clock.sleep(seconds)
        elif weather.strikes("slow_call"):
            self.clock.sleep(weather.seconds("slow_call", *SLOW_SECONDS))
        self.clock.sleep(self._chance.expovariate(1 / CALL_SECONDS))
        return True

    @property
    def is_late(self) -> bool:
        """Whether a worker asks for what another may have asked for since."""
        return self.worker is not None and self.worker.has_lost_its_lease

    @property
    def worker(self) -> AtWork | None:
        """Who asks, if it is at work on the timeline."""
        activity = self.timeline.current
        return activity.about if activity is not None and isinstance(activity.about, AtWork) else None

    def stops_hearing(self) -> bool:
        """Whether the answer to what was just done gets lost, and with it those of the next seconds."""
        worker = self.worker
        if worker is None or not self.weather.strikes("outcome_unknown"):
            return False
        worker.hears_nothing_until(self.clock.now() + timedelta(seconds=DEAF_SECONDS))
        return True

    @property
    def hears_nothing(self) -> bool:
        """Whether no call of AWS is answered to who asks."""
        worker = self.worker
        return worker is not None and worker.is_deaf_at(self.clock.now())

    def _may_die(self, fault: str) -> None:
        if self.weather.strikes(fault):
            raise Crash

    def _new_driver(self) -> CountingDynamo:
        return SimulatedDynamo(self, self._families.tables, self._changed, self._touched)

    def _schedules(self) -> Mapping[str, float]:
        schedules = {
            each.name: each.source.every.total_seconds()
            for each in self._families.functions
            if isinstance(each.source, ScheduleSource)
        }
        return {name: seconds for name, seconds in schedules.items() if name not in UNSCHEDULED}

    # -- streams and queues --------------------------------------------------------------------------------------

    def _changed(self, table: str, shard: int, record: StreamRecord) -> None:
        self.past.append((table, shard, record))
        super()._changed(table, shard, record)

    def replay(self) -> None:
        """Every change record so far comes again, in its order."""
        for table, shard, record in list(self.past):
            self._readers[table, shard].add(record)

    def _sent(self, queue: str, entry: Mapping[str, Any]) -> None:
        if queue not in self._known_queues:
            raise LookupError(f"there is no queue {queue}")
        if queue not in self._queues:
            self.set_aside.setdefault(queue, []).append(entry)
        weather, delay = self.weather, float(entry.get("DelaySeconds") or 0)
        if weather.strikes("message_delayed"):
            delay += weather.seconds("message_delayed", *DELAY_SECONDS)
        super()._sent(queue, {**entry, "DelaySeconds": delay})
        if weather.strikes("message_repeated"):
            again = weather.chance("message_repeated").choice(AT_ONCE_SECONDS) or weather.seconds(
                "message_repeated", *REPEAT_SECONDS
            )
            super()._sent(queue, {**entry, "DelaySeconds": delay + again})

    def redrive(self) -> int:
        """Move all dead letters back into their queues; returns how many."""
        dead, self.dead = self.dead, []
        for queue, message in dead:
            self._queues[queue].add_after(0, replace(message, receives=0, chain={}))
        return len(dead)

    def route(self, entry: Mapping[str, Any]) -> None:
        """Put an internal event into the queues that subscribe to it, as a rule on the bus does."""
        data = json.loads(entry["Detail"])["data"]
        for context in self._families.contexts:
            for subscription in context.subscriptions:
                if subscription.takes(entry["DetailType"], data):
                    self._sent(subscription.queue, {**bus_message(entry), "DelaySeconds": 0, **UNTRACED})


UNTRACED = {"MessageAttributes": {"request_id": {"StringValue": "", "DataType": "String"}}}

UNSCHEDULED = frozenset({"recount", "reconcile_vpn"})
"""Once a day, which a history calls itself; and nothing to do without a mesh."""

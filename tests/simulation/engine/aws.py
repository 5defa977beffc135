"""DynamoDB, SQS and the bus of a history: calls take their time, are refused, conflict, are done twice, and lose their
answers. ``world`` is a `SimulatedWorld`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.kit.tables import BusyError, ConditionFailedError, Item, Ref, Table, TransactionFailedError
from chalicelib.machines.hosted.store import TABLE as HOSTED_NODES
from chalicelib.platform.provisioning.store import RESOURCES
from tests.support.fakes.dynamo import Plan
from tests.support.fakes.dynamo_faults import WRITING
from tests.support.fakes.dynamo_stream import StreamRecord
from tests.support.fakes.messaging import FakeBus
from tests.support.timed_world import CountingDynamo, PassingSqs

BUS = "https://events.test"
DONE_SHARE = 0.5
"""Of sends that are not answered, how many are done."""

TAKEN_SHARE = 0.5
"""Of the entries of a call that the bus refuses in part, how many it takes."""

KNOWN = frozenset({RESOURCES.name})
"""The tables of which it is noted who knows what."""


class SimulatedDynamo(CountingDynamo):
    """Calls that take their time, are refused, conflict, and lose their answers."""

    def __init__(
        self,
        world: Any,
        tables: Sequence[Table],
        listen: Callable[[str, int, StreamRecord], None],
        touch: Callable[[str, str], None],
    ) -> None:
        super().__init__(tables, world.clock, world.seen, listen, touch)
        self._world = world

    def _begin(self, operation: str, tables: Sequence[Table]) -> Callable[[], Any] | None:
        if self._world.meet():
            weather, clock = self._world.weather, self._world.clock
            if self._world.hears_nothing:
                raise BusyError("no answer")
            if weather.strikes("throttle"):
                self.fail_next(1, "throttle", operation=operation)
            elif operation in WRITING and weather.strikes("conflict"):
                self.fail_next(1, "conflict", operation=operation)
            elif operation in WRITING and weather.strikes("lost_answer"):
                seconds = weather.seconds("lost_answer", 0.05, 2.0)
                self.fail_next(1, "lost_answer", operation=operation, meanwhile=lambda: clock.sleep(seconds))
        return super()._begin(operation, tables)

    def _deliver(self, operation: str, tables: Sequence[Table], attempt: Callable[[], Item | None]) -> Item | None:
        """A write may be done, and no answer come, nor any to what the same work asks for the next while."""
        try:
            answer = super()._deliver(operation, tables, attempt)
        except ConditionFailedError as error:
            self._learnt(tables[0], error.current)
            raise
        except TransactionFailedError as error:
            for index, current in error.failed.items():
                self._learnt(tables[index], current)
            raise
        if self._world.stops_hearing():
            raise BusyError("no answer")
        return answer

    def _pay(self, operation: str, plan: Plan, *, factor: int) -> None:
        """Nobody reads the bill of a history: what it takes to write it is most of its time."""
        self._record(operation, [step[0].table for step in plan])
        if self.on_write is not None:
            self.on_write(operation, plan)
        if self._world.worker is not None and any(write.table in (RESOURCES, HOSTED_NODES) for write, *_ in plan):
            self._world.worker.has_written()
        for write, _, _, new in plan:
            self._learnt(write.table, new)

    def get(self, ref: Ref, *, consistent: bool) -> Item | None:
        row = super().get(ref, consistent=consistent)
        self._learnt(ref.table, row)
        return row

    def batch_get(self, refs: Sequence[Ref], *, consistent: bool) -> tuple[list[tuple[Ref, Item]], list[Ref]]:
        found, left = super().batch_get(refs, consistent=consistent)
        for ref, row in found:
            self._learnt(ref.table, row)
        return found, left

    def _learnt(self, table: Table, row: Item | None) -> None:
        worker = self._world.worker if table.name in KNOWN and row is not None else None
        if worker is not None:
            worker.knows(table, row)


class SimulatedSqs(PassingSqs):
    def __init__(self, world: Any, take: Callable[[str, Mapping[str, Any]], None]) -> None:
        super().__init__(world.clock, take)
        self._world = world

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803 - boto3's names
        if self._world.meet():
            weather = self._world.weather
            if self._world.hears_nothing:
                raise ReadTimeoutError(endpoint_url=QueueUrl)
            if self._world.stops_hearing():
                if weather.chance("outcome_unknown").random() < DONE_SHARE:
                    super().send_message_batch(QueueUrl=QueueUrl, Entries=Entries)
                raise ReadTimeoutError(endpoint_url=QueueUrl)
            if weather.strikes("send_refused"):
                kept = [entry for entry in Entries if weather.chance("send_refused").random() < 0.5]
                refused = [{"Id": entry["Id"]} for entry in Entries if entry not in kept]
                answer = super().send_message_batch(QueueUrl=QueueUrl, Entries=kept) if kept else {"Successful": []}
                return {**answer, "Failed": refused}
            if weather.strikes("send_repeated"):
                super().send_message_batch(QueueUrl=QueueUrl, Entries=Entries)
        return super().send_message_batch(QueueUrl=QueueUrl, Entries=Entries)


class SimulatedBus(FakeBus):
    def __init__(self, world: Any) -> None:
        super().__init__()
        self._world = world

    def put_events(self, *, Entries: Sequence[Any]) -> Any:  # noqa: N803 - boto3's names
        if not self._world.meet():
            return self._put(Entries)
        weather = self._world.weather
        if self._world.hears_nothing:
            raise ReadTimeoutError(endpoint_url=BUS)
        if self._world.stops_hearing():
            if weather.chance("outcome_unknown").random() < DONE_SHARE:
                self._put(Entries)
            raise ReadTimeoutError(endpoint_url=BUS)
        if weather.strikes("bus_refused"):
            taken = [entry for entry in Entries if weather.chance("bus_refused").random() < TAKEN_SHARE]
            self._put(taken)
            refusals = [
                {"ErrorCode": "InternalFailure"} if entry not in taken else {"EventId": "1"} for entry in Entries
            ]
            return {"FailedEntryCount": len(Entries) - len(taken), "Entries": refusals}
        return self._put(Entries)

    def _put(self, entries: Sequence[Any]) -> Any:
        answer = super().put_events(Entries=entries)
        for entry in entries:
            if entry["Source"] == INTERNAL_SOURCE:
                self._world.route(entry)
        return answer


def refused(operation: str, code: str = "ServiceUnavailable") -> ClientError:
    """An error of AWS that passes."""
    return ClientError({"Error": {"Code": code, "Message": "trouble"}}, operation)

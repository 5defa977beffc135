"""How a worker is entered: the decorators every worker carries. Each keeps the name of what it wraps: Chalice deploys a
function under its module and that name.

Lambda imports a worker's module alone, without `app.py`, so what a request gets from its endpoint a worker gets here:
the container, an origin for what it writes, one log line, and errors turned into what the event source understands.
``needs`` names the parts that every invocation uses: they are built while the function starts (`bootstrap.prepare`).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, Generic, TypeVar

from chalicelib.bootstrap import prepare, services
from chalicelib.kit.clock import milliseconds_between
from chalicelib.kit.counters import event_counter
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.log import Level, quoting_nothing
from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.queues import Queue
from chalicelib.kit.worktime import WorkTime, work_time
from chalicelib.platform.wiring import Platform

Message = dict[str, Any]
Record = Mapping[str, Any]
LambdaHandler = Callable[[Any], Any]

C = TypeVar("C")
"""The container that a worker is given."""

_FINAL = frozenset({Kind.NOT_FOUND, Kind.CONFLICT, Kind.VALIDATION_FAILED, Kind.FORBIDDEN})
"""Errors that a repeat of the message cannot change: its subject is gone, or needs no more work."""


@dataclass(frozen=True)
class Entry(Generic[C]):
    """The decorators of the workers of one family. ``choose`` takes the family's container out of the platform's."""

    choose: Callable[[Platform], C]

    def container(self) -> C:
        """The container of this process."""
        return self.choose(services())

    def prepare(self, name: str, needs: Callable[[C], object]) -> None:
        """Build what every invocation of that function needs, if this process is an instance of it."""
        prepare(name, lambda platform: needs(self.choose(platform)))

    def sqs_worker(
        self, name: str, needs: Callable[[C], object]
    ) -> Callable[[Callable[[Message, C], None]], LambdaHandler]:
        """Handle messages one by one. A message that fails is reported alone; the others of its batch are done."""

        def decorate(handle: Callable[[Message, C], None]) -> LambdaHandler:
            @wraps(handle)
            def handle_soon(message: Message, container: C, _time: WorkTime) -> None:
                handle(message, container)

            return self.long_sqs_worker(name, needs)(handle_soon)

        return decorate

    def long_sqs_worker(
        self, name: str, needs: Callable[[C], object]
    ) -> Callable[[Callable[[Message, C, WorkTime], None]], LambdaHandler]:
        """The same for messages that may ask for more than one invocation can do: the handler is told how long it may
        go on (a batch shares that time), and notes where it stopped."""

        def decorate(handle: Callable[[Message, C, WorkTime], None]) -> LambdaHandler:
            @wraps(handle)
            def run(event: Any) -> dict[str, Any]:
                platform, container = services(), self.container()
                time = work_time(platform.clock, event.context)
                failed = [
                    {"itemIdentifier": record["messageId"]}
                    for record in event.to_dict()["Records"]
                    if not _is_done(name, [record], lambda messages: handle(messages[0], container, time), platform)
                ]
                return {"batchItemFailures": failed}

            self.prepare(name, needs)
            return run

        return decorate

    def grouping_sqs_worker(
        self, name: str, needs: Callable[[C], object], group_of: Callable[[Message], str]
    ) -> Callable[[Callable[[list[Message], C], None]], LambdaHandler]:
        """Handle the messages of a batch that belong together in one call; ``group_of`` names their group. A group that
        fails is reported with all its messages; the others of its batch are done. A message for which ``group_of``
        raises is handled by itself."""

        def decorate(handle: Callable[[list[Message], C], None]) -> LambdaHandler:
            @wraps(handle)
            def run(event: Any) -> dict[str, Any]:
                platform, container = services(), self.container()
                groups: dict[str, list[Record]] = {}
                for record in event.to_dict()["Records"]:
                    groups.setdefault(_group_of(record, group_of), []).append(record)
                failed = [
                    {"itemIdentifier": record["messageId"]}
                    for records in groups.values()
                    if not _is_done(name, records, lambda messages: handle(messages, container), platform)
                    for record in records
                ]
                return {"batchItemFailures": failed}

            self.prepare(name, needs)
            return run

        return decorate

    def batch_sqs_worker(
        self, name: str, needs: Callable[[C], object]
    ) -> Callable[[Callable[[list[Message], C, WorkTime], None]], LambdaHandler]:
        """Handle the messages of a batch together. The handler bears repeats: if it raises, all of them come again."""

        def decorate(handle: Callable[[list[Message], C, WorkTime], None]) -> LambdaHandler:
            @wraps(handle)
            def run(event: Any) -> dict[str, Any]:
                platform, container = services(), self.container()
                records, time = event.to_dict()["Records"], work_time(platform.clock, event.context)
                messages = [json.loads(record["body"]) for record in records]
                with suppress(Exception), _logged(name, _request_id(records[0]), platform, messages=len(messages)):
                    handle(messages, container, time)
                    return {"batchItemFailures": []}
                return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records]}

            self.prepare(name, needs)
            return run

        return decorate

    def stream_worker(
        self, name: str, needs: Callable[[C], object]
    ) -> Callable[[Callable[[list[Record], C], None]], LambdaHandler]:
        """Handle a batch of a change stream. It raises whatever the handler raises (pydantic's errors without what they
        quote): the whole batch is repeated."""

        def decorate(handle: Callable[[list[Record], C], None]) -> LambdaHandler:
            @wraps(handle)
            def run(event: Any) -> None:
                records = event.to_dict()["Records"]
                with quoting_nothing(), _logged(name, "", services(), records=len(records)):
                    handle(records, self.container())

            self.prepare(name, needs)
            return run

        return decorate

    def scheduled(self, name: str, needs: Callable[[C], object]) -> Callable[[Callable[[C], None]], LambdaHandler]:
        """Run a sweep and count the run. It raises as `stream_worker`; the next tick is its repeat."""

        def decorate(handle: Callable[[C], None]) -> LambdaHandler:
            @wraps(handle)
            def run(event: Any) -> None:
                platform = services()
                request_id = str(event.to_dict().get("id") or platform.ids.uuid7(platform.clock.now()))
                with quoting_nothing(), _logged(name, request_id, platform):
                    try:
                        handle(self.container())
                    except Exception:
                        platform.counters.count(event_counter(f"schedule.{name}.failure"), 1, by=request_id)
                        raise
                    platform.counters.count(event_counter(f"schedule.{name}"), 1, by=request_id)

            self.prepare(name, needs)
            return run

        return decorate


PLATFORM = Entry(lambda platform: platform)
"""The decorators of the platform's own workers."""


def placeholder_arn(queue: Queue) -> str:
    """An ARN for Chalice, which wants one for each queue; the template replaces it by that of the deployed queue."""
    return f"arn:aws:sqs:us-east-1:000000000000:{queue}"


def _group_of(record: Record, group_of: Callable[[Message], str]) -> str:
    try:
        return group_of(json.loads(record["body"]))
    except Exception:  # noqa: BLE001 - its handler fails on it as well, and is logged
        return f"message {record['messageId']}"


def _is_done(name: str, records: Sequence[Record], handle: Callable[[list[Message]], None], platform: Platform) -> bool:
    """Handle messages that belong together; an error of any kind is logged and leaves the rest of the batch alone."""
    first = records[0]
    about = {"message_id": first["messageId"], **({"messages": len(records)} if len(records) > 1 else {})}
    try:
        with _logged(name, _request_id(first), platform, **about):
            handle([json.loads(record["body"]) for record in records])
    except EdgeError as error:
        return error.kind in _FINAL
    except Exception:  # noqa: BLE001 - the last line before Lambda: one bad message must not fail its batch
        return False
    return True


@contextmanager
def _logged(name: str, request_id: str, platform: Platform, **fields: object) -> Iterator[None]:
    """Set the origin, and write one line at the end whichever way it comes."""
    meter, clock = platform.tables.meter, platform.clock
    meter.reset()
    started = clock.now()
    about: dict[str, Any] = {"worker": name, "request_id": request_id or None, **fields}
    with working_for(Origin(request_id=request_id, actor=name)):
        try:
            yield
        except EdgeError as error:
            platform.log.line("refused", level=Level.WARNING, error=error.code, **about)
            raise
        except Exception as error:
            platform.log.failure("failed", error, **about)
            raise
    platform.log.line(
        "handled",
        **about,
        milliseconds=milliseconds_between(started, clock.now()),
        dynamodb_calls=meter.count,
        read_units=meter.read_units,
        write_units=meter.write_units,
    )


def _request_id(record: Record) -> str:
    attribute = record.get("messageAttributes", {}).get("request_id", {})
    return str(attribute.get("stringValue") or record["messageId"])

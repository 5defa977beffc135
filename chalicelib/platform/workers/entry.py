"""How a worker is entered: the decorators every worker carries. Each keeps the name of what it wraps: Chalice deploys a
function under its module and that name.

Lambda imports a worker's module alone, without `app.py`, so what a request gets from its endpoint a worker gets here:
the container, an origin for what it writes, one log line, and errors turned into what the event source understands.
``needs`` names the parts that every invocation uses: they are built while the function starts (`bootstrap.prepare`).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from chalicelib.bootstrap import Services, prepare, services
from chalicelib.kit.clock import milliseconds_between
from chalicelib.kit.counters import event_counter
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.log import Level, quoting_nothing
from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.worktime import WorkTime, work_time

Message = dict[str, Any]
Record = Mapping[str, Any]
LambdaHandler = Callable[[Any], Any]

Needs = Callable[[Services], object]

LongHandle = Callable[[Message, Services, WorkTime], None]

_FINAL = frozenset({Kind.NOT_FOUND, Kind.CONFLICT, Kind.VALIDATION_FAILED, Kind.FORBIDDEN})
"""Errors that a repeat of the message cannot change: its subject is gone, or needs no more work."""


def sqs_worker(name: str, needs: Needs) -> Callable[[Callable[[Message, Services], None]], LambdaHandler]:
    """Handle messages one by one. A message that fails is reported alone; the others of its batch are done."""

    def decorate(handle: Callable[[Message, Services], None]) -> LambdaHandler:
        @wraps(handle)
        def handle_soon(message: Message, container: Services, _time: WorkTime) -> None:
            handle(message, container)

        return long_sqs_worker(name, needs)(handle_soon)

    return decorate


def long_sqs_worker(name: str, needs: Needs) -> Callable[[LongHandle], LambdaHandler]:
    """The same for messages that may ask for more than one invocation can do: the handler is told how long it may go on
    (a batch shares that time), and notes where it stopped."""

    def decorate(handle: LongHandle) -> LambdaHandler:
        @wraps(handle)
        def run(event: Any) -> dict[str, Any]:
            container = services()
            time = work_time(container.clock, event.context)
            failed = [
                {"itemIdentifier": record["messageId"]}
                for record in event.to_dict()["Records"]
                if not _is_done(name, record, lambda message: handle(message, container, time), container)
            ]
            return {"batchItemFailures": failed}

        prepare(name, needs)
        return run

    return decorate


def stream_worker(name: str, needs: Needs) -> Callable[[Callable[[list[Record], Services], None]], LambdaHandler]:
    """Handle a batch of a change stream. It raises whatever the handler raises (pydantic's errors without what they
    quote): the whole batch is repeated."""

    def decorate(handle: Callable[[list[Record], Services], None]) -> LambdaHandler:
        @wraps(handle)
        def run(event: Any) -> None:
            container = services()
            records = event.to_dict()["Records"]
            with quoting_nothing(), _logged(name, "", container, records=len(records)):
                handle(records, container)

        prepare(name, needs)
        return run

    return decorate


def scheduled(name: str, needs: Needs) -> Callable[[Callable[[Services], None]], LambdaHandler]:
    """Run a sweep and count the run. It raises as `stream_worker`; the next tick is its repeat."""

    def decorate(handle: Callable[[Services], None]) -> LambdaHandler:
        @wraps(handle)
        def run(event: Any) -> None:
            container = services()
            request_id = str(event.to_dict().get("id") or container.ids.uuid7(container.clock.now()))
            with quoting_nothing(), _logged(name, request_id, container):
                try:
                    handle(container)
                except Exception:
                    container.counters.count(event_counter(f"schedule.{name}.failure"), 1, by=request_id)
                    raise
                container.counters.count(event_counter(f"schedule.{name}"), 1, by=request_id)

        prepare(name, needs)
        return run

    return decorate


def _is_done(name: str, record: Record, handle: Callable[[Message], None], container: Services) -> bool:
    """Handle one message; an error of any kind is logged and leaves the rest of the batch alone."""
    try:
        with _logged(name, _request_id(record), container, message_id=record["messageId"]):
            handle(json.loads(record["body"]))
    except EdgeError as error:
        return error.kind in _FINAL
    except Exception:  # noqa: BLE001 - the last line before Lambda: one bad message must not fail its batch
        return False
    return True


@contextmanager
def _logged(name: str, request_id: str, container: Services, **fields: object) -> Iterator[None]:
    """Set the origin, and write one line at the end whichever way it comes."""
    meter, clock = container.tables.meter, container.clock
    meter.reset()
    started = clock.now()
    about: dict[str, Any] = {"worker": name, "request_id": request_id or None, **fields}
    with working_for(Origin(request_id=request_id, actor=name)):
        try:
            yield
        except EdgeError as error:
            container.log.line("refused", level=Level.WARNING, error=error.code, **about)
            raise
        except Exception as error:
            container.log.failure("failed", error, **about)
            raise
    container.log.line(
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

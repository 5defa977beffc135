"""The whole application on fakes, in one process: containers, deployed handlers, stream and queues, moved by hand.

`World.settle` plays the part of Lambda's event sources until nothing moves any more. It can deliver every message and
every batch twice, and a crash injected into the tables kills a handler between two writes and is followed by its retry.
"""

import importlib
import json
from collections.abc import Collection, Iterator, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import bootstrap
from chalicelib.cloud.storage.rules import physical_prefix
from chalicelib.fleet.nodes.term_store import NODE_TERMS
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.kit.log import Log
from chalicelib.platform.access.model import NewApiKey
from chalicelib.platform.access.principal import DEFAULT_TENANT, root
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from chalicelib.platform.families import Families
from chalicelib.platform.wiring import Platform
from chalicelib.settings import Settings
from tests.support.declared import FAMILIES, RELAY, handler_of, workers_of
from tests.support.disks import RAW
from tests.support.fakes.aws import FakeKeyService, FakeKms
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.cloudwatch import FakeCloudWatch
from tests.support.fakes.dynamo import Crash, FakeDynamo
from tests.support.fakes.ec2 import FakeEc2
from tests.support.fakes.file_server import HOST as FILE_HOST
from tests.support.fakes.file_server import FileServer
from tests.support.fakes.log import Lines
from tests.support.fakes.machine_host import HOST as MACHINE_HOST
from tests.support.fakes.machine_host import URL as MACHINES_URL
from tests.support.fakes.machine_host import FakeMachineHost
from tests.support.fakes.mails import FakeMailer
from tests.support.fakes.messaging import QUEUE_URL_PREFIX, FakeBus, FakeSocketApi, FakeSqs
from tests.support.fakes.receivers import FakeReceivers, FakeResolver
from tests.support.fakes.s3 import FakeS3
from tests.support.fakes.trouble import Trouble, Troubled

MASTER_KEY = "master-key"

BUCKET = "artifacts"
OUTPUTS = "outputs"
IMAGE_FILES, IMPORT_ROLE = "image-files", "reads-image-files"

TERMS_ARE_COMPLETE = {
    "term_shard": "state",
    "position": "fill",
    "asked_at": "2099-01-01T00:00:00Z",
    "done_at": "2099-01-01T00:00:00Z",
}
"""A deployment that had no nodes before its terms."""

_MOST_ROUNDS = 200
_NEVER = 1_000_000_000


@dataclass(frozen=True)
class LambdaContext:
    """The part of Lambda's context object that handlers use."""

    seconds_left: float

    def get_remaining_time_in_millis(self) -> int:
        return int(1000 * self.seconds_left)


class World:
    """Everything outside the application, and the application on it. ``trouble`` is what calls of AWS beside its tables
    meet."""

    def __init__(
        self,
        *,
        trouble: Trouble | None = None,
        families: Families = FAMILIES,
        clock: FakeClock | None = None,
        **settings: Any,
    ) -> None:
        self._families = families
        self._workers = workers_of(families)
        self._routed = 0
        self.clock = clock or FakeClock()
        self.ids = FakeIds()
        self.lines = Lines()
        self.log = Log(self.lines, self.clock)
        self.driver = FakeDynamo(families.tables, self.clock)
        if any(table.name == NODE_TERMS.name for table in families.tables):
            self.driver.load(NODE_TERMS, [TERMS_ARE_COMPLETE])
        self.queue_client = FakeSqs()
        self.bus_client = FakeBus()
        self.socket_client = FakeSocketApi()
        self.object_client = FakeS3(self.clock)
        self.object_client.keep(IMAGE_FILES)
        self.mailer = FakeMailer()
        self.key_service = FakeKeyService()
        self.kms_client = FakeKms()
        self._trouble = trouble
        if trouble is not None:
            self.queue_client: Any = Troubled(self.queue_client, trouble)
            self.bus_client: Any = Troubled(self.bus_client, trouble)
            self.socket_client: Any = Troubled(self.socket_client, trouble)
        self.resolver = FakeResolver()
        self.exchange = FakeReceivers(self.clock)
        self.machine_client: Any = FakeEc2(self.clock)
        self.metric_client = FakeCloudWatch(self.clock)
        self.machine_host = FakeMachineHost(self.clock)
        self.exchange.serve(MACHINE_HOST, self.machine_host.answer)
        self.file_server = FileServer(RAW)
        self.exchange.serve(FILE_HOST, self.file_server.answer)
        given = {
            "queue_url_prefix": QUEUE_URL_PREFIX,
            "master_key": MASTER_KEY,
            "public_url": "http://api.test",
            "agent_bucket": BUCKET,
            "images_bucket": IMAGE_FILES,
            "images_import_role": IMPORT_ROLE,
            "output_bucket": OUTPUTS,
            "key_requests_per_minute": 0,  # the clock stands still, so that all requests would come at once
            "operation_limits_enabled": False,
            "machine_providers": ("local",),
            "local_machines_url": MACHINES_URL,
            "default_tier": "operator",
            **settings,
        }
        self._settings = Settings(**given)
        self.object_client.prefix = physical_prefix(self._settings.table_prefix)
        self.platform = self._application()
        self.seconds_left = 60.0
        """What Lambda's context says at the start of each call. The clock stands still meanwhile, so that a handler
        does all there is; with 0, one piece of it."""
        self._streamed = 0

    def _application(self) -> Platform:
        families = self._families
        return bootstrap.platform_of(self._settings, self, lambda: families)

    def copy(self) -> "World":
        """A new application on copies of all that is outside of this one: it goes on from here, having kept nothing in
        memory, and neither sees what happens in the other. Faults that were arranged stay here."""
        twin, memo = copy(self), {id(self._families): self._families, id(self._workers): self._workers}
        outside = {name: value for name, value in vars(self).items() if name not in {"platform", "log", "_settings"}}
        twin.__dict__.update(deepcopy(outside, memo))
        twin.log = Log(twin.lines, twin.clock)
        twin.platform = twin._application()  # noqa: SLF001 - one of its own class
        return twin

    @property
    def fleet(self) -> Fleet:
        """The fleet's container."""
        return self.platform.container(Fleet)

    def key_with(
        self,
        *,
        restrictions: Mapping[str, Collection[str]] | None = None,
        tenant: str = DEFAULT_TENANT,
        **wanted: Any,
    ) -> str:
        """The text of a new named key of a tenant, with a role or permissions. It has been used just now, so that a
        request with it notes no use. ``restrictions``: ids by the name of the restriction."""
        reached = {name: {one: one for one in ids} for name, ids in (restrictions or {}).items()}
        new = NewApiKey(name="a key of a test", restrictions=reached, **wanted)
        text = self.platform.api_keys.create(new, replace(root(""), tenant=tenant)).text.reveal()
        self.platform.identities.identify(text, (), "")
        return text

    def unverified_key(self, **wanted: Any) -> str:
        """The text of a new key pair whose code has not come back."""
        new = NewApiKey(name="a key of a test", restrictions={}, verified=False, **wanted)
        return self.platform.api_keys.create(new, root("")).text.reveal()

    def state(self) -> dict[str, Any]:
        """All that a request could change, but for the audit log: what is refused changes that alone."""
        rows = self.driver.snapshot()
        rows.pop(AUDIT_EVENTS.name, None)
        return {
            "rows": rows,
            "changes": self.driver.stream_position,
            "queues": deepcopy(self.queue_client.sent),
            "bus": list(self.bus_client.entries),
            "sockets": (deepcopy(self.socket_client.frames), list(self.socket_client.closed)),
        }

    def read_secret(self, arn: str) -> str:
        raise LookupError(arn)

    def call(self, handler: str, event: Mapping[str, Any], context: LambdaContext | None = None) -> Any:
        """Run a deployed handler by its string, as Lambda does."""
        module, name = handler.rsplit(".", 1)
        with bootstrap.serving(self.platform):
            return getattr(importlib.import_module(module), name)(event, context or LambdaContext(self.seconds_left))

    def settle(self, *, twice: bool = False, crash_after: int | None = None, most_rounds: int = _MOST_ROUNDS) -> None:
        """Relay and work until stream and queues are empty. ``twice`` delivers everything twice.

        ``crash_after`` kills a handler after so many writes from now on; it is called again with the same input, as
        its event source would.
        """
        self.driver.crash_after(crash_after or _NEVER)
        for _ in range(most_rounds):
            if not self.relay_only(twice=twice) and not self.work_only(twice=twice):
                self.driver.crash_after(_NEVER)
                return
        raise AssertionError("the application does not come to rest")

    def relay_batches(self) -> Iterator[list[dict[str, Any]]]:
        """The records since the last call, as batches of one table's stream."""
        position = self.driver.stream_position
        if position == self._streamed:
            return
        for table in (table for table in self._families.tables if table.stream):
            records = self.driver.records(table, self._streamed)
            for start in range(0, len(records), 100):
                yield records[start : start + 100]
        self._streamed = position

    def sweep(self, worker: str) -> None:
        """Run a scheduled function once."""
        self._until_done(handler_of(worker), scheduled_event(worker))

    def relay_only(self, *, twice: bool = False) -> bool:
        """Relay what the streams hold; returns whether there was something."""
        moved = False
        for batch in self.relay_batches():
            moved = True
            for _ in range(2 if twice else 1):
                self._until_done(RELAY, {"Records": batch})
        return moved

    def work_only(self, *, twice: bool = False) -> bool:
        """Work on what the queues hold; returns whether there was something."""
        self._route_internal_events()
        moved = False
        for queue, handler in self._workers.items():
            for body in self.queue_client.take(queue) if queue in self.queue_client.sent else ():
                moved = True
                for _ in range(2 if twice else 1):
                    self._until_done(handler, {"Records": [sqs_record(body)]})
        return moved

    def _route_internal_events(self) -> None:
        """Put internal events into the queues that subscribe to them, as a rule on the bus does."""
        entries = self.bus_client.entries
        self._routed = min(self._routed, len(entries))  # a test may have cleared them
        for entry in (entry for entry in entries[self._routed :] if entry["Source"] == INTERNAL_SOURCE):
            data = json.loads(entry["Detail"])["data"]
            for context in self._families.contexts:
                for subscription in context.subscriptions:
                    if subscription.takes(entry["DetailType"], data):
                        self.queue_client.sent.setdefault(subscription.queue, []).append(bus_message(entry))
        self._routed = len(entries)

    def _until_done(self, handler: str, event: Mapping[str, Any]) -> None:
        for _ in range(10 if self._trouble is None else 100):
            try:
                answer = self.call(handler, event)
            except Crash:
                continue
            except Exception:
                if self._trouble is None:
                    raise
                continue
            if not (answer or {}).get("batchItemFailures"):
                return
        raise AssertionError(f"{handler} fails for ever: {self.lines.texts[-1:]}")


def fleet_of(settings: Settings, gateways: Any) -> Fleet:
    """The container of another stack of the fleet, on the same gateways."""
    return bootstrap.platform_of(settings, gateways).container(Fleet)


def bus_message(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The SQS message that a rule makes of an entry on the bus (EventBridge user guide, "Event structure")."""
    detail = json.loads(entry["Detail"])
    event = {
        "version": "0",
        "id": f"bus-{detail['id']}",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": "0",
        "time": detail["time"],
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }
    return {"MessageBody": json.dumps(event)}


def scheduled_event(worker: str) -> dict[str, Any]:
    """The event that EventBridge sends to a scheduled function."""
    return {
        "version": "0",
        "id": f"tick-{worker}",
        "account": "0",
        "region": "us-east-1",
        "detail": {},
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": "",
        "resources": [],
    }


def sqs_record(body: Any, message_id: str = "m-1") -> dict[str, Any]:
    """A record of an SQS event."""
    return {
        "messageId": message_id,
        "body": json.dumps(body),
        "receiptHandle": "r",
        "attributes": {},
        "messageAttributes": {"request_id": {"stringValue": "request-1", "dataType": "String"}},
    }

"""A core and a further stack on one set of tables, in one process: each has its settings, its name and its queue."""

import importlib
import json
from collections.abc import Mapping
from typing import Any

from chalicelib import bootstrap
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.fleet.wiring import Fleet
from chalicelib.settings import Settings
from tests.support.fakes.messaging import QUEUE_URL_PREFIX
from tests.support.world import MASTER_KEY, World, fleet_of, sqs_record

CORE, FURTHER = "admin-core", "admin-far"

QUEUE = "edge-admin-test-admin-far-command-delivery"

DELIVER = "chalicelib.fleet.workers.deliver_commands.handler"

TICK_SECONDS = 60


class Stacks(World):
    """`World` is the core. Clusters go to the stack with fewer of them, of two to the smaller name: so the first
    cluster is the core's, the second the further stack's."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(admin_name=CORE, **settings)
        self.further = self.stack(FURTHER)

    def stack(self, name: str, **settings: Any) -> Fleet:
        """A further stack on these tables."""
        given: Mapping[str, Any] = {
            "queue_url_prefix": QUEUE_URL_PREFIX,
            "master_key": MASTER_KEY,
            "public_url": "http://far.test",
            "delivery_queue_url": f"http://queues.test/{QUEUE}",
            "admin_name": name,
            **settings,
        }
        return fleet_of(Settings(**given), self)

    def tick(self, *stacks: Fleet) -> None:
        """Let a minute pass and run the stacks' schedules: all of the core's, and the heartbeat of the others. Cached
        ownership has expired then."""
        self.clock.advance(TICK_SECONDS)
        for stack in stacks:
            stack.admins.registry.beat()
        if self.fleet in stacks:
            self.sweep("sweep_commands")

    @property
    def both(self) -> tuple[Fleet, Fleet]:
        return self.fleet, self.further

    def far_messages(self) -> list[Any]:
        """The messages in the further stack's queue."""
        return [json.loads(entry["MessageBody"]) for entry in self.queue_client.sent.get(QUEUE, [])]

    def work_far(self, *, times: int = 1) -> int:
        """The further stack's worker takes everything from its queue; how much that was."""
        messages = self.far_messages()
        self.queue_client.sent.pop(QUEUE, None)
        module, name = DELIVER.rsplit(".", 1)
        handler = getattr(importlib.import_module(module), name)
        for message in messages * times:
            with bootstrap.serving(self.further.platform):
                answer = handler({"Records": [sqs_record(message)]}, None)
            assert answer == {"batchItemFailures": []}, self.lines.texts[-1]
        return len(messages)

    def core_deliveries(self) -> list[Any]:
        """The messages in the core's queue."""
        return self.queue_client.bodies(COMMAND_DELIVERY)

    def logged(self, event: str) -> list[Mapping[str, Any]]:
        lines = [json.loads(text) for text in self.lines.texts]
        return [line for line in lines if line["event"] == event]

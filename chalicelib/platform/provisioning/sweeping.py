"""The sweep of resources: has those looked at that are due and have no message on its way."""

from collections import defaultdict
from datetime import timedelta

from chalicelib.kit.clock import Clock
from chalicelib.kit.queues import Queues
from chalicelib.platform.provisioning.changes import message_of
from chalicelib.platform.provisioning.queues import PROVISIONING
from chalicelib.platform.provisioning.resource_store import Name, ResourceStore

GRACE = timedelta(seconds=15)
"""The time that a message has to arrive after a resource is due."""

MOST = 20_000
"""Resources of one run. At one look an hour, a run each minute serves a million at rest."""

AT_ONCE = 100
"""Resources of one message: as many as a driver observes in one call."""


class Sweep:
    """Sends messages and writes nothing: a resource that is not reached is due in the next run, too."""

    def __init__(self, store: ResourceStore, queues: Queues, clock: Clock) -> None:
        self._store = store
        self._queues = queues
        self._clock = clock

    def run(self) -> int:
        """Send messages for what is due; returns for how many."""
        sent = 0
        for page in self._store.due(self._clock.now() - GRACE):
            by_kind: dict[str, list[Name]] = defaultdict(list)
            for kind, name in page:
                by_kind[kind].append(name)
            for kind, names in by_kind.items():
                parts = [names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE)]
                self._queues.send(PROVISIONING, [message_of(kind, part) for part in parts])
            sent += len(page)
            if sent >= MOST:
                break
        return sent

"""Load beside a rehearsal: an operator who asks and gives commands all the time."""

import threading
from collections import Counter
from contextlib import closing
from typing import Self

import urllib3

from infra.local.agents import SampleAgent
from tests.e2e.api import Api
from tests.e2e.cloud import Fleet
from tests.rehearsals.stage import Stage

PAUSE_SECONDS = 0.5
ASKED = "/api/v1/nodes?page_size=5"


class Load:
    """While its context is open, commands are given to a fleet, and a key is shown to list nodes. ``statuses`` counts
    the answers to that key, 0 for none. ``error`` is what ended the giving."""

    def __init__(self, stage: Stage, fleet: Fleet, agents: list[SampleAgent], key: str) -> None:
        self._stage, self._fleet, self._agents, self._key = stage, fleet, agents, key
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._ask, self._give)]
        self.statuses: Counter[int] = Counter()
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        if self.error is not None:
            raise self.error

    def _ask(self) -> None:
        with closing(Api(self._stage.cloud.url, self._key)) as api:
            while not self._stopped.wait(PAUSE_SECONDS):
                try:
                    self.statuses[api.get(ASKED).status] += 1
                except urllib3.exceptions.HTTPError:
                    self.statuses[0] += 1

    def _give(self) -> None:
        try:
            while not self._stopped.wait(2 * PAUSE_SECONDS):
                self._stage.give(self._fleet, self._agents)
        except Exception as error:  # noqa: BLE001 - told by the thread that waits
            self.error = error

"""Resident memory of the functions' processes in a local cloud, over time."""

import threading
from collections import defaultdict
from statistics import median
from typing import Self

import psutil

from infra.local.cloud import LocalCloud
from tests.support.function_processes import function_in

SAMPLE_SECONDS = 0.5


class MemoryWatch:
    """Looks at every copy of every function while its context is open."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._session = cloud.session
        self._copies: dict[int, str] = {}
        self._strangers: set[int] = set()
        self._bytes: dict[int, list[int]] = defaultdict(list)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def look(self) -> None:
        """Once at every copy. The thread does it all the time."""
        for pid in psutil.pids():
            self._look_at(pid)

    def growth(self) -> dict[str, float]:
        """By function: memory in the last quarter of the time over that in the first, of the middle one of its copies.

        One that gets its first request late grows once, by what that loads; a leak shows in all that work. Only of
        copies that were there from the first quarter on: a new one has its imports before it.
        """
        longest = max(len(samples) for samples in self._bytes.values())
        ratios: dict[str, list[float]] = defaultdict(list)
        for pid, samples in self._bytes.items():
            quarter = len(samples) // 4
            if len(samples) >= 0.75 * longest and quarter:
                ratios[self._copies[pid]].append(median(samples[-quarter:]) / median(samples[:quarter]))
        return {name: median(found) for name, found in ratios.items()}

    def _run(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            self.look()

    def _look_at(self, pid: int) -> None:
        if pid in self._strangers:
            return
        try:
            if pid not in self._copies:
                self._copies[pid] = function_in(pid, self._session)
            self._bytes[pid].append(psutil.Process(pid).memory_info().rss)
        except (LookupError, OSError, psutil.Error):
            self._strangers.add(pid)

"""The functions' processes of a local cloud, and their sudden ends."""

import os
import random
import signal
import threading
from collections import Counter
from contextlib import suppress
from typing import Self

import psutil

from infra.local.cloud import LocalCloud
from tests.support.function_processes import copies_of


def failed_batches(cloud: LocalCloud) -> int:
    """How many batches of queues and streams have failed so far, as the emulator logs them: it has no metrics of
    these."""
    return (cloud.folder / "emulator.log").read_text(errors="replace").count(" failed processing ")


class Killer:
    """While its context is open, kills by SIGKILL now and then a copy of one of these functions that is at work.
    ``killed`` counts them by function."""

    def __init__(self, cloud: LocalCloud, functions: list[str], every_seconds: float) -> None:
        self._cloud = cloud
        self._functions = functions
        self._every_seconds = every_seconds
        self._chance = random.Random(1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)
        self.killed: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            copies = [(pid, name) for pid, name in copies_of(self._cloud).items() if name in self._functions]
            self._chance.shuffle(copies)
            busy = next((each for each in copies if _is_running(each[0])), None)
            if busy is None:
                continue
            pid, name = busy
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed[name] += 1


def _is_running(pid: int) -> bool:
    """Whether it is at work just now, rather than waiting for an event."""
    with suppress(psutil.Error):
        return psutil.Process(pid).cpu_percent(0.01) > 0
    return False

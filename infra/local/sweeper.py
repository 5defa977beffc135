"""The scheduler of the local cloud: invokes the scheduled functions every few seconds."""

import threading
from collections.abc import Sequence
from itertools import count
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kit.clock import SystemClock
from infra.local.emulator import ACCOUNT, REGION
from infra.run import scheduled_event

ROUNDS_TO_RARE = 20

STOP_SECONDS = 10.0


class Sweeper:
    """A thread that waits ``every_seconds``, calls each function in turn, and starts again.

    The ``rare`` ones come last in every twentieth round. ``failures`` are what failing ones answered.
    """

    def __init__(self, lambda_client: Any, functions: Sequence[str], rare: Sequence[str], every_seconds: float) -> None:
        self._lambda = lambda_client
        self._functions = functions
        self._rare = rare
        self._every_seconds = every_seconds
        self.failures: list[str] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def sweep(self) -> None:
        """Call every function once, the rare ones too, and wait for their answers."""
        self.failures += call_scheduled(self._lambda, [*self._functions, *self._rare])

    def stop(self) -> None:
        """Safe to repeat."""
        self._stopped.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        for round_number in count(1):
            if self._stopped.wait(self._every_seconds):
                return
            rare = [] if round_number % ROUNDS_TO_RARE else self._rare
            try:
                self.failures += call_scheduled(self._lambda, [*self._functions, *rare])
            except (BotoCoreError, ClientError) as error:
                if not self._stopped.is_set():
                    print(f"a sweep failed: {error}")


def call_scheduled(lambda_client: Any, functions: Sequence[str]) -> list[str]:
    """Invoke each of these once, one after the other, as a schedule does, and wait for their answers. Returns the
    answers of those that failed."""
    answers = {
        name: lambda_client.invoke(FunctionName=name, Payload=scheduled_event(ACCOUNT, REGION, SystemClock().now()))
        for name in functions
    }
    return [f"{name}: {answer['Payload'].read()!r}" for name, answer in answers.items() if "FunctionError" in answer]

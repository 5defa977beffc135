import asyncio
import io
import json
import random

import pytest
from edge_agent.backoff import Backoff
from edge_agent.errors import FatalError, UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.supervisor import Supervisor

from samples.agent.tests.support.set_clock import SetClock


class Parts:
    """Runs parts under a supervisor."""

    def __init__(self):
        self.log = io.StringIO()

    def new_backoff(self):
        return Backoff(first_seconds=0.001, cap_seconds=0.002, rng=random.Random(1))

    def run(self, use):
        async def supervised():
            async with asyncio.TaskGroup() as tasks:
                await use(Supervisor(tasks, self.new_backoff, SetClock(), EventLog(self.log, SetClock())))

        asyncio.run(supervised())

    def lines(self):
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.mark.parametrize("error", [RuntimeError("secret"), KeyError("secret"), FatalError("why"), RecursionError()])
def test_failing_part_is_restarted_and_affects_no_other(error):
    parts, starts, healthy = Parts(), [], []

    async def fails_twice():
        starts.append(1)
        if len(starts) <= 2:
            raise error

    async def goes_on():
        while len(starts) <= 2:
            healthy.append(1)
            await asyncio.sleep(0)

    async def use(supervisor):
        await asyncio.wait([supervisor.keep("odd", fails_twice), supervisor.keep("well", goes_on)])

    parts.run(use)

    assert len(starts) == 3
    assert healthy
    assert [line["task"] for line in parts.lines()] == ["odd", "odd"]
    assert "secret" not in parts.log.getvalue()


def test_spawned_part_that_fails_affects_no_other():
    parts = Parts()

    async def fails():
        raise ExceptionGroup("several", [TypeError("secret")])

    async def use(supervisor):
        await supervisor.spawn(fails())

    parts.run(use)
    assert "TypeError" in parts.lines()[0]["reason"]


def test_cancelled_part_is_not_restarted():
    parts = Parts()

    async def use(supervisor):
        task = supervisor.keep("long", lambda: asyncio.sleep(1000))
        await asyncio.sleep(0)
        task.cancel()

    parts.run(use)
    assert parts.lines() == []


def test_errors_are_described_without_foreign_texts():
    assert describe(UnavailableError("our own words")) == "our own words"
    assert describe(OSError(28, "secret")) == "OSError: No space left on device"
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("secret")
    assert describe(caught.value).startswith("JSONDecodeError at decoder.py:")

"""Waits for several things at once, with a limit."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from edge_agent.ports.clock import Clock

T = TypeVar("T")


async def until_first(work: Coroutine[Any, Any, T], *events: asyncio.Event) -> T | None:
    """The result of `work`; None, and `work` is cancelled, if one of the events is set first."""
    working = asyncio.ensure_future(work)
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait([working, *waits], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, *waits):
            task.cancel()


async def first_of(clock: Clock, *events: asyncio.Event, seconds: float | None = None) -> bool:
    """Wait until one of the events is set. False if none was within the limit; None means no limit."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        with suppress(TimeoutError):
            async with clock.timeout(seconds):
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return any(event.is_set() for event in events)


async def all_of(clock: Clock, *events: asyncio.Event, seconds: float) -> bool:
    """Wait until all events are set. False if one was not within the limit."""
    with suppress(TimeoutError):
        async with clock.timeout(seconds):
            for event in events:
                await event.wait()
    # On a busy machine they may have been set together with the end of the limit.
    return all(event.is_set() for event in events)


async def unfinished(clock: Clock, tasks: Iterable[asyncio.Task[None]], seconds: float) -> list[asyncio.Task[None]]:
    """Wait for tasks, and return those that have not finished within the limit, in order. None is cancelled."""
    tasks = list(tasks)
    if tasks:
        with suppress(TimeoutError):
            async with clock.timeout(seconds):
                await asyncio.wait(tasks)
    return [task for task in tasks if not task.done()]

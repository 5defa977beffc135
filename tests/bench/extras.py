"""Costs that access adds to operations: limits, measured at an operation that itself asks DynamoDB for nothing, and the
audit log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.kit.tables import Call
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from tests.bench.operations import Operation
from tests.bench.scene import Scene

PLAIN = "list_event_types"
"""An operation without a call."""


@dataclass(frozen=True)
class Extra:
    """``ask`` returns the calls that are added to an operation."""

    name: str
    calls: int
    read_units: float
    write_units: float
    ask: Callable[[], Sequence[Call]]

    def __str__(self) -> str:
        return self.name


def last_of(requests: int) -> Sequence[Call]:
    """The calls of the last one of so many requests of a root key at once."""
    scene = Operation.scene()
    scene.world.clock.advance(60)  # blocks that the scene itself has leased are over
    for _ in range(requests):
        scene.ask(PLAIN)
    return scene.calls


def of_an_exact_limit() -> Sequence[Call]:
    scene = Scene(key_requests_per_minute=90)
    scene.ask(PLAIN)
    return scene.calls


def of_the_relay_for_an_act() -> Sequence[Call]:
    """The calls to the audit log after a request."""
    scene = Scene()
    scene.ask("create_alias")
    scene.world.driver.meter.reset()
    scene.world.settle()
    return [call for call in scene.calls if call.table == AUDIT_EVENTS.name]


EXTRAS: tuple[Extra, ...] = (
    Extra("of a root key, up to ten a second in a container", 0, 0, 0, lambda: last_of(10)),
    Extra("a block of 100 requests above that", 1, 0, 1, lambda: last_of(11)),
    Extra("of a limit below 100 a minute", 1, 0, 1, of_an_exact_limit),
    Extra("the row of the audit log that the relay writes of an act", 1, 0, 5, of_the_relay_for_an_act),
)

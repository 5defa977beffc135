"""What a caller adds to an operation, measured at one that itself asks DynamoDB for nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.operations import Operation
from tests.bench.scene import Scene

PLAIN = "list_event_types"
"""An operation without a call."""


@dataclass(frozen=True)
class Extra:
    """``ask`` makes the request as the last one in a scene. The numbers are what it adds to an operation."""

    name: str
    calls: int
    read_units: float
    write_units: float
    ask: Callable[[], Scene]

    def __str__(self) -> str:
        return self.name


def tenth_in_a_second() -> Scene:
    """The last request of a root key that a container grants by itself."""
    scene = Operation.scene()
    scene.world.clock.advance(1)
    for _ in range(10):
        scene.ask(PLAIN)
    return scene


def eleventh_in_a_second() -> Scene:
    scene = tenth_in_a_second()
    scene.world.clock.advance(60)  # blocks that the scene itself has leased are over
    for _ in range(11):
        scene.ask(PLAIN)
    return scene


def of_an_exact_limit() -> Scene:
    scene = Scene(key_requests_per_minute=90)
    scene.ask(PLAIN)
    return scene


EXTRAS: tuple[Extra, ...] = (
    Extra("of a root key, up to ten a second in a container", 0, 0, 0, tenth_in_a_second),
    Extra("a block of 100 requests above that", 1, 0, 1, eleventh_in_a_second),
    Extra("of a limit below 100 a minute", 1, 0, 1, of_an_exact_limit),
)

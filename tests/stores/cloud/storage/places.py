"""S3 for the tests of what the storage relies on: a strict fake, and the emulator."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.fakes.clock import FakeClock
from tests.support.fakes.s3 import FakeS3

STRICT = "strict"
BOTH = [STRICT, "emulator"]
PREFIX = "edge-admin-test-"


@dataclass(frozen=True)
class Place:
    """A client of S3. ``advance`` lets time pass where a test can."""

    name: str
    client: Any
    advance: Callable[[float], None] = field(default=lambda _seconds: None)


def place_for(request: pytest.FixtureRequest) -> Place:
    """The one that the fixture's parameter names."""
    if request.param != STRICT:
        return Place("emulator", request.getfixturevalue("emulator").client("s3"))
    clock = FakeClock()
    return Place(STRICT, FakeS3(clock, f"{PREFIX}b-"), clock.advance)

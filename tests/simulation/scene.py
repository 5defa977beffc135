"""The world of one run, and the values by which a context takes part in it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from chalicelib.kit.tables import Item, Table
from tests.support.builders import Machine
from tests.support.provisioning import BoxWorld


class Scene:
    """``machines`` are those that ever enrolled, deleted ones too: operations on them are refused. ``api_keys`` are the
    texts of named keys by id, ``strangers`` the ids of things at the provider that no resource made. ``mends`` end the
    faults, when the world comes to rest."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.world = BoxWorld()
        self.machines: list[Machine] = []
        self.api_keys: dict[str, list[str]] = {}
        self.strangers: set[str] = set()
        self.log: list[str] = []
        self.mends: list[Callable[[], None]] = []

    @property
    def fleet(self) -> Any:
        return self.world.fleet

    def rows(self, table: Table) -> list[Item]:
        return self.world.driver.rows(table)

    def some_name(self) -> str:
        """One of a few names, so that operations meet on the same things."""
        return self.rng.choice(("north", "south", "west"))

    def some_row(self, table: Table) -> Item:
        """A row of the table. Raises `NothingThereError`."""
        rows = sorted(self.rows(table), key=lambda row: str(table.key_of(row)))
        if not rows:
            raise NothingThereError(table.name)
        return self.rng.choice(rows)

    def some_machine(self) -> Machine:
        """A machine that enrolled. Raises `NothingThereError`."""
        if not self.machines:
            raise NothingThereError("machines")
        return self.rng.choice(self.machines)


class NothingThereError(Exception):
    """There is nothing yet that the operation could be done to."""


@dataclass(frozen=True)
class Simulation:
    """The part of one context: ``operations`` may be refused (`EdgeError`); ``invariants`` raise AssertionError and are
    checked at rest; ``faults`` disturb the world, each seed draws some of them, and what they leave
    is ended by `Scene.mends`."""

    operations: tuple[Callable[[Scene], object], ...] = ()
    invariants: tuple[Callable[[Scene], None], ...] = ()
    faults: tuple[Callable[[Scene], None], ...] = ()

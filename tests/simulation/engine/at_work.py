"""What is at work in a simulated world: an invocation, a request or an operator."""

from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from chalicelib.kit.tables import Item, Table
from chalicelib.platform.provisioning.pacing import LEASE
from chalicelib.platform.wiring import Platform
from tests.support.timed_world import Invocation


@dataclass(frozen=True)
class AtWork(Invocation):
    """What is at work, and its container. It knows the versions of rows that it has read or written."""

    platform: Platform
    rng: Random | None = None
    _versions: dict[tuple[str, str], Any] = field(default_factory=dict)
    _deaf_until: list[datetime] = field(default_factory=list)
    _pauses: list[float] = field(default_factory=list)

    def knows(self, table: Table, row: Item) -> None:
        """It has read a row, or written it."""
        self._versions[table.name, str(table.key_of(row))] = row.get("version", 0)

    def version_of(self, table: Table, row: Item) -> Any:
        """The version of a row that it knows, None if it knows none."""
        return self._versions.get((table.name, str(table.key_of(row))))

    def has_paused(self, seconds: float) -> None:
        """It was not running for so long."""
        self._pauses.append(seconds)

    def has_written(self) -> None:
        """It has written the row of a thing, which tells others that it is at it."""
        self._pauses.clear()

    @property
    def has_lost_its_lease(self) -> bool:
        """Whether it has paused so long since it last wrote such a row that another may touch the resource."""
        return sum(self._pauses) >= LEASE.total_seconds()

    def hears_nothing_until(self, moment: datetime) -> None:
        """No call of AWS is answered to it until then."""
        self._deaf_until.append(moment)

    def is_deaf_at(self, moment: datetime) -> bool:
        return any(moment < until for until in self._deaf_until)

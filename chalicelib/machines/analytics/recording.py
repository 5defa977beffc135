"""`Recorder`: records what facts tell, once, in any order and however often they come."""

from collections.abc import Callable, Sequence
from datetime import datetime

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import unavailable
from chalicelib.kit.tables import ConditionFailedError, Tables, TransactionFailedError, Update
from chalicelib.machines.analytics import store
from chalicelib.machines.analytics.model import Entry, Instance, Kept, Owner, Standing
from chalicelib.machines.analytics.owners import Owners

MOST_TOGETHER = 20
"""Events in one transaction: at most two rows each, and the hours and days that they are in."""

_RECORDED = "analytics.recorded"


class Recorder:
    """Records entries. ``scoped`` gives the tables of a tenant."""

    def __init__(
        self,
        scoped: Callable[[str], Tables],
        clock: Clock,
        owners: Owners,
        kept: Kept,
    ) -> None:
        self._scoped = scoped
        self._clock = clock
        self._owners = owners
        self._kept = kept

    def record(self, entries: Sequence[Entry]) -> int:
        """Record entries of one instance; returns how many were new. May be repeated, also in part.

        An event that is older than events are kept is left out: its row, by which a repeat would be recognised, may be
        gone. Raises `EdgeError` (service unavailable).
        """
        now = self._clock.now()
        known = {entry.id: entry for entry in entries if entry.at + self._kept.hours > now}
        if not known:
            return 0
        ordered = sorted(known.values(), key=lambda entry: entry.at)
        owner = self._owners.of(ordered[0].instance_id, ordered)
        tables = self._scoped(owner.tenant)
        self._note_standing(tables, ordered, owner, now)
        return sum(
            self._record(tables, ordered[start : start + MOST_TOGETHER])
            for start in range(0, len(ordered), MOST_TOGETHER)
        )

    def _note_standing(self, tables: Tables, entries: Sequence[Entry], owner: Owner, now: datetime) -> None:
        """Before the events: a repeat finds those recorded, and may have to do this still."""
        text = to_seconds_text(now)
        if owner.is_new:
            new = Instance(id=owner.id, name=owner.name, is_instance=owner.is_instance, inserted_at=text)
            tables.try_write(store.new_instance(new), "analytics.instance_found")
            self._owners.note(owner)
        for entry in entries:
            last = entry.resource if owner.is_instance else entry.node
            until = int((entry.at + max(self._kept.hours, self._kept.days)).timestamp())
            is_latest = all(
                _is_latest(tables, change, standing)
                for change, standing in store.standing_changes(entry, until if last else None)
            )
            if last is not None and is_latest and (owner.is_ending or not last.state):
                self._owners.end(owner, None if last.state else until)

    def _record(self, tables: Tables, entries: Sequence[Entry]) -> int:
        """One transaction; what turns out to be recorded is left out, and the rest tried again."""
        left = list(entries)
        for _ in range(len(entries) + 1):
            if not left:
                return 0
            writes, events = store.writes_of(left, self._kept)
            try:
                tables.commit(writes, _RECORDED)
            except TransactionFailedError as error:
                recorded = {events[index] for index in error.failed if index < len(events)}
                left = [entry for entry in left if entry.id not in recorded]
            else:
                return len(left)
        raise unavailable()


def _is_latest(tables: Tables, change: Update, standing: Standing) -> bool:
    """Whether the standing is the latest, now or since an earlier try."""
    try:
        tables.write(change, "analytics.standing")
    except ConditionFailedError as error:
        return store.has_standing(error.current, standing)
    return True

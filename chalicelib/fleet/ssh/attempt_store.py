"""Failed attempts to log in, counted for each node and kind of credential across all containers.

A row says when all failures so far are paid off. Failures add to it and never wait for each other; nothing is written
for a success. Attempts that are under way at the same moment may all fail before the first is counted, so a burst can
be larger by as many; what they overdraw is owed, so that in the long run no more is looked at than is allowed.
"""

from datetime import datetime, timedelta

from chalicelib.fleet.ssh.model import AuthMethod
from chalicelib.fleet.ssh.rules import ALLOWANCES
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import rate_limited
from chalicelib.kit.ids import to_milliseconds
from chalicelib.kit.tables import (
    Absent,
    Add,
    And,
    ConditionFailedError,
    Exists,
    Item,
    LessOrEqual,
    Not,
    Or,
    Ref,
    Set,
    Table,
    Tables,
    Update,
)

ATTEMPTS = Table("ssh_attempts", partition="node_id", sort="auth_method", expires_at="expires_epoch")

_REPAID = "repaid_at_ms"
_KEPT = timedelta(hours=1)
"""The TTL of a row: longer than any bucket takes to fill."""

_COUNTED = "ssh_attempt.failed"


class Attempts:
    """Counts failed attempts, and refuses further ones beyond `ALLOWANCES`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    @staticmethod
    def ref(node_id: str, method: AuthMethod) -> Ref:
        """The reference to a node's failures, to read them with other rows."""
        return Ref(ATTEMPTS, {"node_id": node_id, "auth_method": method.value})

    def check(self, row: Item | None, method: AuthMethod) -> None:
        """Raises `EdgeError` (rate limited) with the seconds to wait; ``row`` is that of `ref`."""
        repaid = (row or {}).get(_REPAID)
        now_ms = to_milliseconds(self._clock.now())
        wait_seconds = ALLOWANCES[method].wait_seconds(repaid if isinstance(repaid, int) else None, now_ms)
        if wait_seconds:
            raise rate_limited(wait_seconds)

    def count_failure(self, node_id: str, method: AuthMethod) -> None:
        """Count one more failure. Raises `EdgeError` (service unavailable) if the row stays contended."""
        while True:
            now = self._clock.now()
            for update in _additions(self.ref(node_id, method), now, int(ALLOWANCES[method].milliseconds_each)):
                try:
                    self._tables.write(update, _COUNTED)
                except ConditionFailedError:
                    continue  # not in this state; if in neither, another wrote in between
                return


def _additions(ref: Ref, now: datetime, cost_ms: int) -> tuple[Update, Update]:
    """The two possible changes: for a row whose failures are not yet paid off, and for any other row."""
    now_ms = to_milliseconds(now)
    expires = Set("expires_epoch", int((now + _KEPT).timestamp()))
    owes = And(Exists(_REPAID), Not(LessOrEqual(_REPAID, now_ms)))
    owes_nothing = Or(Absent(_REPAID), LessOrEqual(_REPAID, now_ms))
    return (
        Update(ref.table, ref.key, (Add(_REPAID, cost_ms), expires), owes),
        Update(ref.table, ref.key, (Set(_REPAID, now_ms + cost_ms), expires), owes_nothing),
    )

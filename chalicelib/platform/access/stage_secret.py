"""The stage's secret, read again while a container lives: what is withdrawn there ends here some minutes later."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from chalicelib.kit.clock import Clock
from chalicelib.kit.log import Level, Log

FRESH = timedelta(minutes=5)
"""How long what was read is used without looking again."""

KEPT = timedelta(hours=1)
"""How long it is used where Secrets Manager does not answer."""

LOOK_AGAIN = timedelta(seconds=5)
"""The shortest time between two readings, however often somebody offers a key that is not known."""

PAUSE = timedelta(seconds=30)
"""The same after a reading that failed: one takes some seconds, and requests wait for it."""


class UnreadableSecretError(Exception):
    """The secret is not a JSON object of texts."""


class StageSecret:
    """The keys that stand in the secret, by name; empty ones are left out. ``arn`` "": there is no secret, and no key
    in it. ``read`` gives the secret's text."""

    def __init__(self, arn: str, read: Callable[[str], str], clock: Clock, log: Log) -> None:
        self._arn = arn
        self._read = read
        self._clock = clock
        self._log = log
        self._values: Mapping[str, str] = {}
        self._read_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._has_failed = False

    def values(self) -> Mapping[str, str]:
        """The same object as before until something has changed.

        Passes on errors of reading if nothing has been read for `KEPT`.
        """
        if self._arn and not self._is_within(self._read_at, FRESH) and self._may_try():
            self._try()
        return self._values

    def look_again(self) -> bool:
        """Read the secret before its time, because a key was unknown or ours was refused. Returns whether it has
        changed."""
        before = self._values
        if self._arn and not self._is_within(self._tried_at, LOOK_AGAIN) and self._may_try():
            self._try()
        return self._values is not before

    @property
    def is_doubtful(self) -> bool:
        """Whether the last reading failed, so that the secret may have changed meanwhile."""
        return self._has_failed

    def _may_try(self) -> bool:
        return not self._is_kept() or not self._has_failed or not self._is_within(self._tried_at, PAUSE)

    def _try(self) -> None:
        self._tried_at = self._clock.now()
        try:
            values = _parsed(self._read(self._arn))
        except Exception as error:
            # Whatever the SDK raises: who holds the right key goes on for a while.
            self._has_failed = True
            if not self._is_kept():
                raise
            self._log.line("secret_not_read", level=Level.ERROR, error_type=type(error).__name__)
            return
        self._has_failed = False
        self._read_at = self._tried_at
        if values != self._values:
            self._values = values

    def _is_kept(self) -> bool:
        return self._is_within(self._read_at, KEPT)

    def _is_within(self, since: datetime | None, span: timedelta) -> bool:
        """False also for a time that is ahead: the clock was set back."""
        return since is not None and timedelta(0) <= self._clock.now() - since < span


def _parsed(text: str) -> Mapping[str, str]:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        # Nothing of it is quoted: it holds keys.
        raise UnreadableSecretError("the secret is no JSON object of texts")
    return {name: value for name, value in values.items() if value}

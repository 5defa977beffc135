"""Operators' keys: known by name, compared in constant time, kept as digests only."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pydantic import SecretStr

from chalicelib.kit.clock import Clock, parse_time
from chalicelib.kit.errors import unauthorized, unavailable
from chalicelib.kit.log import Level, Log
from chalicelib.platform.access.stage_secret import StageSecret

_NAMES = ("MASTER_KEY", "API_KEY", "METRICS_KEY")

OPERATOR_KEYS = ("MASTER_KEY", "API_KEY")
METRICS_KEYS = ("MASTER_KEY", "METRICS_KEY")
"""The names of the keys that operators have, and a Prometheus."""


SHORTEST_KEY = 20
"""Characters of a key in a secret on AWS; a shorter one is not accepted there. 20 random letters and digits are beyond
guessing at any rate."""

PREVIOUS = "_PREVIOUS"
PREVIOUS_UNTIL = "_PREVIOUS_UNTIL"
"""Behind a key's name in the secret: the value before, and until when that is accepted as well (RFC 3339). Without an
end it is not."""


class MissingMasterKeyError(Exception):
    """Authentication is on and there is no usable MASTER_KEY, so every request is refused."""

    def __init__(self) -> None:
        super().__init__("AUTH_ENABLED is true but no MASTER_KEY is configured, or it is too short")


class OperatorKeys(Protocol):
    """Tells callers by their key."""

    def identify(self, bearer: str | None, accepted: Sequence[str]) -> str:
        """The name of the key that `bearer` is, of the ``accepted`` ones, in a time that tells nothing of the
        keys. Raises `EdgeError` (unauthorized)."""


class _Digest(NamedTuple):
    name: str
    digest: bytes
    until: datetime | None


class Keys:
    """The operators' keys by name, as they are at one time. A key that is not given takes the master key's value. Only
    digests are kept. ``previous``: name -> value and end of those that are accepted a while longer.

    Raises `MissingMasterKeyError` without a master key.
    """

    def __init__(
        self,
        master: SecretStr | None,
        api: SecretStr | None = None,
        metrics: SecretStr | None = None,
        previous: Mapping[str, tuple[SecretStr, datetime]] | None = None,
    ) -> None:
        if not master or not master.get_secret_value():
            raise MissingMasterKeyError
        given = {"MASTER_KEY": master, "API_KEY": api, "METRICS_KEY": metrics}
        self._digests: dict[str, list[_Digest]] = {
            name: [_Digest(name, _digest((key if key and key.get_secret_value() else master).get_secret_value()), None)]
            for name, key in given.items()
        }
        for name, (key, until) in (previous or {}).items():
            self._digests[name].append(_Digest(f"{name}{PREVIOUS}", _digest(key.get_secret_value()), until))

    def match(self, bearer: str | None, accepted: Sequence[str], now: datetime | None = None) -> str | None:
        """The name of the accepted key that equals ``bearer``; None if there is none. A previous key counts until its
        end, and not at all without ``now``. The time that it takes does not depend on how much of a key is right."""
        offered = _digest(bearer or "")
        every = [known for name in accepted for known in self._digests[name]]
        matching = [known for known in every if hmac.compare_digest(offered, known.digest)]
        names = [known.name for known in matching if known.until is None or (now is not None and now < known.until)]
        return names[0] if bearer and names else None

    def identify(self, bearer: str | None, accepted: Sequence[str]) -> str:
        """The name of the accepted key that equals ``bearer``. Raises `EdgeError` (unauthorized)."""
        name = self.match(bearer, accepted)
        if name is None:
            raise unauthorized()
        return name


class StoredKeys:
    """The operators' keys of the stage's secret, as it is some minutes ago at most; ``api`` and ``metrics`` replace
    those of the secret. A key that is not known has the secret read again, so that a new one works at once.

    ``shortest``: characters below which a key of the secret is not accepted.
    """

    def __init__(
        self,
        secret: StageSecret,
        clock: Clock,
        log: Log,
        *,
        api: SecretStr | None = None,
        metrics: SecretStr | None = None,
        shortest: int = 0,
    ) -> None:
        self._secret = secret
        self._clock = clock
        self._log = log
        self._api = api
        self._metrics = metrics
        self._shortest = shortest
        self._made_of: Mapping[str, str] | None = None
        self._made: Keys | None = None

    def identify(self, bearer: str | None, accepted: Sequence[str]) -> str:
        """The name of the accepted key that equals ``bearer``; reads the secret again if there is none.

        Raises `EdgeError` (unauthorized), (service unavailable) where the secret could not be read again, as the key
        may be a new one, `MissingMasterKeyError` without a usable master key, and the error of reading the secret if
        that has failed for long.
        """
        name = self.current().match(bearer, accepted, self._clock.now())
        if name is None and bearer and self._secret.look_again():
            name = self.current().match(bearer, accepted, self._clock.now())
        if name is None:
            raise unavailable() if bearer and self._secret.is_doubtful else unauthorized()
        return name

    def current(self) -> Keys:
        """The keys as the secret has them."""
        values = self._secret.values()
        if self._made is None or values is not self._made_of:
            self._made = None
            self._made = self._read(values)
            self._made_of = values
        return self._made

    def _read(self, values: Mapping[str, str]) -> Keys:
        usable = {name: SecretStr(values[name]) for name in _NAMES if self._is_usable(name, values)}
        previous = {}
        for name in _NAMES:
            until = self._end_of(name, values)
            if until is not None:
                previous[name] = (SecretStr(values[f"{name}{PREVIOUS}"]), until)
        return Keys(
            usable.get("MASTER_KEY"),
            self._api or usable.get("API_KEY"),
            self._metrics or usable.get("METRICS_KEY"),
            previous,
        )

    def _is_usable(self, name: str, values: Mapping[str, str]) -> bool:
        if name not in values:
            return False
        if len(values[name]) < self._shortest:
            self._log.line("key_refused", level=Level.ERROR, key=name, reason=f"shorter than {self._shortest}")
            return False
        return True

    def _end_of(self, name: str, values: Mapping[str, str]) -> datetime | None:
        """Until when the value before is accepted; None for not at all."""
        before = f"{name}{PREVIOUS}"
        if not self._is_usable(before, values):
            return None
        try:
            until = parse_time(values.get(f"{name}{PREVIOUS_UNTIL}", ""))
        except ValueError:
            self._log.line("key_refused", level=Level.ERROR, key=before, reason=f"no time in {name}{PREVIOUS_UNTIL}")
            return None
        return until


def load_keys(
    master: SecretStr | None,
    api: SecretStr | None,
    metrics: SecretStr | None,
    secret: StageSecret,
    clock: Clock,
    log: Log,
    *,
    shortest: int = 0,
) -> OperatorKeys:
    """The keys of a container: those given (from the environment) before those of the secret, a JSON object
    {MASTER_KEY, API_KEY, METRICS_KEY}. The secret is read only if no master key is given.

    Raises `MissingMasterKeyError` if there is no master key, and passes on errors of reading the secret.
    """
    if master:
        return Keys(master, api, metrics)
    stored = StoredKeys(secret, clock, log, api=api, metrics=metrics, shortest=shortest)
    stored.current()
    return stored


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

"""Operators' keys: known by name, compared in constant time, kept as digests only."""

import hashlib
import hmac
import json
from collections.abc import Callable
from enum import Enum

from pydantic import SecretStr

from chalicelib.kit.errors import unauthorized


class Auth(Enum):
    """The audience of a route. PUBLIC is anyone within a rate; OPEN anyone, for answers that cost nothing."""

    OPERATOR = "operator"
    METRICS = "metrics"
    AGENT = "agent"
    PUBLIC = "public"
    OPEN = "open"


OPERATOR = Auth.OPERATOR
METRICS = Auth.METRICS
AGENT = Auth.AGENT
PUBLIC = Auth.PUBLIC
OPEN = Auth.OPEN


_ACCEPTED: dict[Auth, tuple[str, ...]] = {
    OPERATOR: ("MASTER_KEY", "API_KEY"),
    METRICS: ("MASTER_KEY", "METRICS_KEY"),
}


class MissingMasterKeyError(Exception):
    """Authentication is on and there is no MASTER_KEY: nobody is let in."""

    def __init__(self) -> None:
        super().__init__("AUTH_ENABLED is true but no MASTER_KEY is configured")


class Keys:
    """The operators' keys by name. A key that is not given takes the master key's value. Only digests are kept.

    Raises MissingMasterKeyError without a master key.
    """

    def __init__(
        self, master: SecretStr | None, api: SecretStr | None = None, metrics: SecretStr | None = None
    ) -> None:
        if not master or not master.get_secret_value():
            raise MissingMasterKeyError
        given = {"MASTER_KEY": master, "API_KEY": api, "METRICS_KEY": metrics}
        self._digests = {
            name: _digest((key if key and key.get_secret_value() else master).get_secret_value())
            for name, key in given.items()
        }

    def identify(self, bearer: str | None, audience: Auth) -> str:
        """The name of the key that `bearer` is, of those that `audience` accepts, in a time that tells nothing of the
        keys. Raises EdgeError unauthorized."""
        offered = _digest(bearer or "")
        matching = [name for name in _ACCEPTED.get(audience, ()) if hmac.compare_digest(offered, self._digests[name])]
        if not bearer or not matching:
            raise unauthorized()
        return matching[0]


def load_keys(
    master: SecretStr | None,
    api: SecretStr | None,
    metrics: SecretStr | None,
    secret_arn: str,
    read_secret: Callable[[str], str],
) -> Keys:
    """The keys of a container: those given (from the environment) before those of the secret, a JSON object
    {MASTER_KEY, API_KEY, METRICS_KEY}. The secret is read only if its ARN is set and no master key is given.

    Raises MissingMasterKeyError if there is no master key, and what `read_secret` raises.
    """
    if master or not secret_arn:
        return Keys(master, api, metrics)
    stored = {name: SecretStr(value) for name, value in json.loads(read_secret(secret_arn)).items() if value}
    return Keys(stored.get("MASTER_KEY"), api or stored.get("API_KEY"), metrics or stored.get("METRICS_KEY"))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

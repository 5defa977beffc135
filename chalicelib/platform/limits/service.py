"""The limits of requests, one for each kind of caller."""

from chalicelib.kit.clock import Clock
from chalicelib.kit.log import Log
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.limits.local import LocalLimit
from chalicelib.platform.limits.model import Standing
from chalicelib.platform.limits.rules import Limit, limit_of
from chalicelib.platform.limits.shared import SharedLimits
from chalicelib.platform.limits.store import LimitStore


class Limits:
    """Counts requests. ``per_minute`` is the limit of a key that has none of its own, 0 for none; ``address_rate`` and
    ``address_burst`` are those of an address on public routes."""

    def __init__(
        self, store: LimitStore, clock: Clock, log: Log, *, per_minute: int, address_rate: float, address_burst: int
    ) -> None:
        self._per_minute = per_minute
        self._keys = SharedLimits(store, clock, log)
        self._addresses = LocalLimit("address", address_rate, address_burst, clock)

    def of_principal(self, principal: Principal) -> Standing | None:
        """Count a request of the principal. None if it has no limit, as where authentication is turned off."""
        own = principal.requests_per_minute
        per_minute = self._per_minute if own is None else own
        if not principal.actor or not per_minute:
            return None
        return self._keys.take("key", principal.actor, limit_of(per_minute))

    def of_operation(self, principal: Principal, name: str, limit: Limit) -> Standing | None:
        """Count a request of the principal against its limit of that name, such as that of an API. None as in
        `of_principal`. A limit of the principal's own takes its place."""
        if not principal.actor or principal.requests_per_minute is not None:
            return self.of_principal(principal)
        return self._keys.take(name, f"{principal.actor}#{name}", limit)

    def of_address(self, address: str) -> Standing:
        """Count a request without a key."""
        return self._addresses.take(address)

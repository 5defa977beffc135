"""The limits of requests, one for each kind of caller."""

from collections.abc import Mapping

from chalicelib.kit.clock import Clock
from chalicelib.kit.crypto import digest
from chalicelib.kit.ids import to_milliseconds
from chalicelib.kit.log import Log
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.limits.local import LocalLimit
from chalicelib.platform.limits.model import Standing
from chalicelib.platform.limits.rules import Limit, limit_of, network_of, standing_of
from chalicelib.platform.limits.shared import SharedLimits
from chalicelib.platform.limits.store import LimitStore

HOUR_MS = 3_600_000

MAILS_PER_HOUR = 10
"""Mails that one source may ask for to one address: others can still ask then."""

MAILS_OF_ALL_PER_HOUR = 60
"""Mails that all sources together may ask for to one address."""

INVITATIONS_OF_ALL_PER_HOUR = 20
"""Invitations that all inviters together may have mailed to one address, beside those mails."""


class Limits:
    """Counts requests. ``per_minute`` is the limit of a key that has none of its own, 0 for none; ``address_rate`` and
    ``address_burst`` are those of an address on public routes."""

    def __init__(
        self,
        store: LimitStore,
        clock: Clock,
        log: Log,
        *,
        per_minute: int,
        address_rate: float,
        address_burst: int,
    ) -> None:
        self._per_minute = per_minute
        self._store = store
        self._clock = clock
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

    def of_subject(self, name: str, subject: str, limit: Limit) -> Standing:
        """Count a request against a limit of that name, for a subject that its caller names."""
        return self._keys.take(name, subject, limit)

    def of_tenant(self, tenant: str, operation: str, per_minute: int) -> Standing:
        """Count a request of any principal of a tenant as an operation of that type."""
        return self._keys.take(operation, _subject(tenant, operation), limit_of(per_minute))

    def standings(self, tenant: str, limits: Mapping[str, int]) -> dict[str, Standing]:
        """The rest of a tenant's limits by type of operation, for the requests a minute of each type: one read. Counts
        none. Requests that containers grant by themselves, of limits from `EXACT_BELOW` on, are not among them."""
        now_ms = to_milliseconds(self._clock.now())
        full_at = self._store.full_at([_subject(tenant, operation) for operation in limits])
        return {
            operation: standing_of(operation, limit_of(per_minute), full_at[_subject(tenant, operation)], now_ms)
            for operation, per_minute in limits.items()
        }

    def look_at_address(self, address: str) -> Standing:
        """The rest of an address's limit on public routes, as this container knows it. Counts none."""
        return self._addresses.look(address)

    def of_mails(self, address: str, source: str) -> Standing:
        """Count a mail that is asked for to a mail address, known or not. ``source`` is the IP address of the caller,
        which stands for its network. Beyond its share it takes nothing of that of all."""
        return self._mail("mails", MAILS_OF_ALL_PER_HOUR, address, network_of(source))

    def of_invitations(self, address: str, inviter: str) -> Standing:
        """As `of_mails`, for a mail that invites an address. These have a limit of their own: no inviter uses up what a
        user has who asks for a code or another password."""
        return self._mail("invitation_mails", INVITATIONS_OF_ALL_PER_HOUR, address, inviter)

    def _mail(self, kind: str, of_all: int, address: str, source: str) -> Standing:
        share = digest(f"{source}/{address}")
        standing = self._keys.take(kind, f"{kind}_of_source#{share}", limit_of(MAILS_PER_HOUR, HOUR_MS))
        if standing.wait_seconds:
            return standing
        return self._keys.take(kind, f"{kind}#{digest(address)}", limit_of(of_all, HOUR_MS))

    def of_address(self, address: str) -> Standing:
        """Count a request without a key."""
        return self._addresses.take(address)


def _subject(tenant: str, operation: str) -> str:
    return f"tenant:{tenant}/{operation}"

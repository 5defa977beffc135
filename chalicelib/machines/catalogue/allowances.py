"""The limits of customers: those of their tier, counted for each type of operation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.kit.clock import Clock
from chalicelib.machines.catalogue.model import Tier
from chalicelib.machines.catalogue.service import Catalogue
from chalicelib.platform.identity.model import TenantFacts
from chalicelib.platform.limits.model import Standing
from chalicelib.platform.limits.service import Limits

REMEMBERED = timedelta(minutes=1)
"""How long a container takes a customer to be in the tier that it last read."""

MOST_REMEMBERED = 1000


@dataclass(frozen=True)
class _Read:
    facts: TenantFacts
    at: datetime


class Allowances:
    """The tiers of customers, and the rest of their limits. ``read_tenant`` reads a tenant, in one call."""

    def __init__(
        self, catalogue: Catalogue, read_tenant: Callable[[str], TenantFacts], limits: Limits, clock: Clock
    ) -> None:
        self._catalogue = catalogue
        self._read_tenant = read_tenant
        self._limits = limits
        self._clock = clock
        self._known: dict[str, _Read] = {}

    def tier_of(self, tenant: str) -> Tier:
        """The tier of a customer, at most `REMEMBERED` old: no call in the ordinary case."""
        return self.tier_named(self._facts(tenant).tier)

    def tier_named(self, tier_id: str) -> Tier:
        """Raises LookupError for a tier that the catalogue does not name: a setting or a row is wrong."""
        found = self._catalogue.find_tier(tier_id)
        if found is None:
            known = ", ".join(one.id for one in self._catalogue.tiers)
            raise LookupError(
                f"the catalogue has no tier {tier_id!r} (DEFAULT_TIER, or a customer's): there are {known}"
            )
        return found

    def forget(self, tenant: str) -> None:
        """Read the customer again at its next request to this container."""
        self._known.pop(tenant, None)

    def take(self, tenant: str, operation: str) -> Standing:
        """Count a request of a customer as an operation of that type, `<service>.<type>`."""
        return self._limits.of_tenant(tenant, operation, self.tier_of(tenant).per_minute(operation))

    def standings(self, tenant: str) -> Mapping[str, Standing]:
        """The rest of all limits of a customer, by type of operation, in one read."""
        tier = self.tier_of(tenant)
        names = [f"{service}.{name}" for service, of in tier.limits.items() for name in of]
        return self._limits.standings(tenant, {name: tier.per_minute(name) for name in names})

    def _facts(self, tenant: str) -> TenantFacts:
        now = self._clock.now()
        known = self._known.get(tenant)
        if known is None or not known.at <= now < known.at + REMEMBERED:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            known = self._known[tenant] = _Read(self._read_tenant(tenant), now)
        return known.facts

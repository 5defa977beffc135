"""Guests: callers with accounts of a family that has tenants, where they call another family."""

from typing import Protocol

from chalicelib.platform.access.principal import Principal, PrincipalKind


class Guests(Protocol):
    """Tells guests, with the rights that they have in a tenant. ``tenant`` is the one that a request names, None for
    the one that they work in. With the name of a ``restriction`` they are restricted to what the operator has given
    their tenant of that; without one, the operator must have given it a tier.

    Raise `EdgeError` (unauthorized, forbidden, rate limited)."""

    def by_key(self, principal: Principal, tenant: str | None, restriction: str) -> Principal:
        """The holder of a key that has no rights of its own."""
        ...

    def home_of(self, principal: Principal) -> str:
        """The tenant that the holder of such a key works in where it names none; "" for a user that is gone."""
        ...

    def by_token(self, token: str, address: str, tenant: str | None, restriction: str) -> Principal:
        """The program that shows a token."""
        ...


def is_guest(principal: Principal) -> bool:
    """Whether the rights of the holder of a key follow from a place of its user."""
    has_own = principal.role is not None or bool(principal.permissions)
    return principal.kind is PrincipalKind.KEY and bool(principal.user) and not has_own

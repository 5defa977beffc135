"""Callers by key with a policy that denies them something."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chalicelib.platform.access.policy_rules import Effect, Statement
from chalicelib.platform.access.principal import Principal
from tests.support.world import World


class _Denying:
    """Identities whose callers a policy denies an action on one resource."""

    def __init__(self, identities: Any, denial: Statement) -> None:
        self._identities = identities
        self._denial = denial

    def identify(self, *args: Any, **options: Any) -> Principal:
        principal: Principal = self._identities.identify(*args, **options)
        return replace(principal, statements=(*principal.statements, self._denial))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._identities, name)


@contextmanager
def denying(world: World, action: str, resource: str) -> Iterator[None]:
    """Have a policy deny all callers by key an action on a resource, until the block ends."""
    callers = world.platform.callers
    known = callers.identities
    callers.identities = _Denying(known, Statement(Effect.DENY, (action,), (resource,)))  # type: ignore[misc]
    try:
        yield
    finally:
        callers.identities = known  # type: ignore[misc]

"""Callers: a user with its place in a tenant, the rights of that place, and a caller in a tenant."""

from dataclasses import dataclass, field

from chalicelib.kit.tables import Item
from chalicelib.platform.access.policy_rules import Statement
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.identity.model import Member, User


@dataclass(frozen=True)
class Placed:
    """A user with the place that it works in."""

    user: User
    member: Member


@dataclass(frozen=True)
class Rights:
    """The rights of a member: ``permissions`` by name, None for all of them, and the statements of its policies."""

    permissions: frozenset[str] | None
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Admitted:
    """A caller in a tenant. ``placed`` is its user there, None for a key without one; ``row`` that of the tenant, where
    it was read."""

    principal: Principal
    placed: Placed | None = None
    row: Item = field(default_factory=dict)

"""The rules of tenants and of the places in them. Pure."""

import re
from collections.abc import Collection

from chalicelib.cloud.permissions import ADMIN, OWNER
from chalicelib.kit.errors import BLANK, EdgeError, Kind, conflict, invalid
from chalicelib.platform.identity.model import Member
from chalicelib.platform.quotas.rules import INSTANCES, MEMORY_MB
from chalicelib.setting_types import QUOTAS

MOST_TENANTS = 18
"""Tenants that a user can have places in: so many can be left in one transaction of a hundred writes. The end of one
that the user owns alone takes five, that of the user seven."""

MOST_INVITATIONS = 100
"""Open invitations of a tenant at a time."""

CLUSTERS = "clusters"
"""The kind of thing that a tenant owns, as principals are restricted to it."""

MOST_CLUSTERS = 20
"""Clusters that a tenant can own."""

KEPT = (*QUOTAS, "secrets", "internet_gateways", "snapshots", "images")
"""The names of the quotas of which none may be taken when a tenant is deleted. An image that waits for its file takes
no storage yet, and is counted as an image."""

COUNTERS = {name: {"instances": INSTANCES, "memory_gb": MEMORY_MB}.get(name, name) for name in KEPT}
"""The counter of each: that of instances is moved by whatever family makes them, that of memory is in MB."""

_UNITS = {"memory_gb": 1024}
"""How much of its counter one of a quota is, where it is not one."""

_SLUG = re.compile(r"[a-z0-9-]{3,63}")
_NOT_IN_SLUGS = re.compile(r"[^a-z0-9]+")
_NAME_IN_SLUG = 30
_ID_IN_SLUG = 8


def in_counter(quota: str, number: int) -> int:
    """So much of a quota, as its counter counts it."""
    return number * _UNITS.get(quota, 1)


def of_counter(quota: str, used: int) -> int:
    """The part of a quota that is used when its counter is at that: a part of one is a whole one."""
    return -(-used // _UNITS.get(quota, 1))


def check_slug(slug: str) -> str:
    """The slug. Raises `EdgeError` (validation failed) for one of another form."""
    if not _SLUG.fullmatch(slug):
        raise invalid("slug", f"{slug[:63]!r} is none: 3 to 63 of a to z, 0 to 9 and -")
    return slug


def check_name(name: str) -> str:
    """The name without blanks around it. Raises `EdgeError` (validation failed) for one of blanks alone."""
    if not name.strip():
        raise invalid("name", BLANK)
    return name.strip()


def personal_name(name: str) -> str:
    """The name of the tenant that a user gets who has no other."""
    return f"{name}'s Personal Tenant"


def personal_slug(name: str, some_id: str) -> str:
    """The slug of the tenant that a user gets who has no other. It ends with random digits of an id, the user's where
    it is new: the first ones tell the time, and are those of another user too."""
    part = _NOT_IN_SLUGS.sub("-", name.lower())[:_NAME_IN_SLUG].strip("-")
    return "-".join(filter(None, ("personal", part, some_id[-_ID_IN_SLUG:])))


def unknown_role(role: str, roles: Collection[str]) -> EdgeError:
    """The error for a role that the tenant does not have."""
    return invalid("role", f"{role[:64]!r} is not a role: it is one of {', '.join(sorted(roles))}")


def check_role(role: str, own_role: str) -> None:
    """``own_role`` is the role of the giver, `OWNER` for the operator of the installation. Raises `EdgeError`
    (forbidden) for one above its own."""
    above = {OWNER: {OWNER}, ADMIN: {OWNER, ADMIN}}.get(role)
    if above is not None and own_role not in above:
        raise EdgeError(Kind.FORBIDDEN, f"Only an {' or '.join(sorted(above))} of the tenant can give the role {role}")


def check_one_owner(role: str, owner: str | None) -> None:
    """Raises `EdgeError` (conflict) for a second owner of a tenant."""
    if role == OWNER and owner is not None:
        raise conflict("the tenant has an owner already")


def not_a_member() -> EdgeError:
    """The error for a tenant in which the caller has no place, be there one or not."""
    return EdgeError(Kind.FORBIDDEN, "You have no place in this tenant, or there is none")


def check_not_owner(member: Member) -> None:
    """Raises `EdgeError` (conflict) for the owner of a tenant, who cannot be removed or be given another role."""
    if member.role == OWNER:
        raise conflict("the owner of a tenant keeps its place: delete the tenant instead")


def is_a_member() -> EdgeError:
    """The error for a user who gets a second place in a tenant."""
    return conflict("the user is a member already")


def check_new_member(tenants: Collection[str], tenant: str) -> None:
    """Raises `EdgeError` (conflict) if a member of these ``tenants`` cannot become one of this tenant."""
    if tenant in tenants:
        raise is_a_member()
    if len(tenants) >= MOST_TENANTS:
        raise conflict(f"the user has places in {MOST_TENANTS} tenants already")


def check_inviter(*, is_known: bool) -> None:
    """Raises `EdgeError` (forbidden) for a key that is neither a user's nor the operator's: nothing would tell later
    whether it may still invite."""
    if not is_known:
        raise EdgeError(Kind.FORBIDDEN, "Users, programs and the operator invite: this key is of none of them")


def check_invitations(invited: Collection[str], address: str) -> None:
    """Raises `EdgeError` (conflict) for one invitation too many: a second of an address would be a mail for nothing."""
    if address in invited:
        raise conflict("an invitation of this address is open")
    if len(invited) >= MOST_INVITATIONS:
        raise conflict(f"{MOST_INVITATIONS} invitations are open: withdraw one first")


def owned_by_another(names: Collection[str]) -> EdgeError:
    """The error for clusters that another tenant owns."""
    return conflict(f"another tenant owns {', '.join(names)}: take it back first")


def not_alone() -> EdgeError:
    """The error for a tenant that cannot be deleted, since it has other members."""
    return conflict("the tenant has other members: remove them first")


def in_use(quota: str) -> EdgeError:
    """The error for a tenant that cannot be deleted, since it has things."""
    return conflict(f"the tenant still has {quota}: delete what it has first")


def only_tenant() -> EdgeError:
    """The error for a tenant that is its owner's only one."""
    return conflict("it is the only tenant of its owner: make another one first, or delete the user")


def changed_meanwhile() -> EdgeError:
    """The error for a tenant or user that others change again and again."""
    return conflict("it is being changed by others: try again")

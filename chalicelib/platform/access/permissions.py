"""Permissions and the roles that contain them: who may do what, as data. Families declare their own permissions."""

from dataclasses import dataclass
from enum import StrEnum


class KeyRole(StrEnum):
    """A role of a key. Each contains the permissions of the roles before it."""

    VIEWER = "viewer"
    """Reads everything but secrets."""
    OPERATOR = "operator"
    """Works with what exists."""
    ADMIN = "admin"
    """Everything: makes and deletes, reads secrets, manages keys."""

    def contains(self, other: "KeyRole") -> bool:
        """Whether this role has every permission of the other."""
        return _RANKS[self] >= _RANKS[other]


_RANKS = {role: rank for rank, role in enumerate(KeyRole)}


@dataclass(frozen=True)
class Permission:
    """A permission. ``name`` is ``<things>:<action>``; ``role`` is the least role that contains it."""

    name: str
    role: KeyRole

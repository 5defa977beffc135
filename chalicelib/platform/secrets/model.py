"""The models of secrets."""

from dataclasses import dataclass

from pydantic import BaseModel, Field

from chalicelib.kit import crypto

SORTABLE = frozenset({"name", "inserted_at", "updated_at"})
"""The fields by which the list can be sorted."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"

VALUE_LIMIT_BYTES = 16 * 1024
"""UTF-8 bytes of a value: four times the largest usual private key. 32 of them fit into a process's environment."""

MOST_OF_A_TENANT = 500
"""Secrets that a tenant may have, unless its family says otherwise."""


class StoredSecret(BaseModel, frozen=True):
    """A secret without its value in clear. ``value_version`` counts the values that it has had, from 1, ``version`` the
    changes of its row. ``id`` tells it from another one that had the name before."""

    id: str
    name: str
    description: str | None = None
    value_version: int = 1
    value_sealed: bytes = Field(repr=False)
    value_changed_at: str
    inserted_at: str
    updated_at: str
    version: int = 1


@dataclass(frozen=True)
class NewSecret:
    """A secret as its writer gives it. Without a ``value`` the one that it has stays."""

    name: str
    value: crypto.Secret | None = None
    description: str | None = None

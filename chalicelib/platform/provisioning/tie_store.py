"""Ties of a resource: the writes that take and give back its references on parents and its claims."""

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.kit.tables import (
    Add,
    And,
    Condition,
    Equals,
    Exists,
    In,
    Not,
    Put,
    TransactionFailedError,
    Update,
    Write,
)
from chalicelib.platform.provisioning.claim_store import ClaimTakenError, claim_of, giving_back, holder_in, taking
from chalicelib.platform.provisioning.model import Desired, Resource, State
from chalicelib.platform.provisioning.store import RESOURCES, key_of


class ParentUnfitError(Exception):
    """A parent is not there, or is on its way out."""

    def __init__(self, parent_id: str, *, is_there: bool) -> None:
        super().__init__(parent_id)
        self.parent_id = parent_id
        self.is_there = is_there


class ParentMovedError(Exception):
    """A parent, or a resource that changes with a new one, has changed since a rule was decided on it."""


def missing(names: Sequence[str], among: Sequence[str]) -> tuple[str, ...]:
    """Those of these that are not among the others, each once."""
    return tuple(name for name in dict.fromkeys(names) if name not in set(among))


def tying(
    resource_id: str, parents: Iterable[str], claims: Iterable[str], at: Mapping[str, int] | None = None
) -> list[Write]:
    """The writes that give a resource these parents and claims. ``at`` has versions that parents must still have."""
    known = at or {}
    refer = [_referring(parent, known.get(parent)) for parent in parents]
    return [*refer, *(taking(claim, resource_id) for claim in claims)]


def untying(resource_id: str, parents: Iterable[str], claims: Iterable[str]) -> list[Write]:
    """The writes that take them away again. Each fails by itself where there is nothing to take away."""
    return [*map(_unreferring, parents), *(giving_back(claim, resource_id) for claim in claims)]


def standing_alone(resource: Resource) -> Resource:
    """The resource without its sources once its provider has made it."""
    return resource.model_copy(update={"sources": ()}) if resource.is_made and resource.sources else resource


def leaving(old: Resource, new: Resource) -> list[Write]:
    """The writes that give back the ties which a resource no longer has: all once it is released, those on its sources
    once it is made."""
    if old.is_released:
        return []
    if new.is_released:
        return untying(old.id, old.referred, old.claims)
    return untying(old.id, missing(old.sources, new.sources), ())


def require_ties(
    gained: Sequence[Write], error: TransactionFailedError, first: int, at: Mapping[str, int] | None = None
) -> None:
    """Raise what the failure of a transaction says of these writes of `tying`, which begin at index ``first`` of it:
    `ParentUnfitError`, `ParentMovedError` or `ClaimTakenError`; nothing if it does not concern them."""
    known = at or {}
    for index, write in enumerate(gained, first):
        if index not in error.failed:
            continue
        row = error.failed[index]
        if isinstance(write, Put):
            raise ClaimTakenError(claim_of(write), holder_in(row)) from error
        parent = str(write.key["id"])
        if row is not None and parent in known and row["version"] != known[parent]:
            raise ParentMovedError from error
        raise ParentUnfitError(parent, is_there=row is not None) from error


def _referring(parent_id: str, version: int | None) -> Update:
    """One more resource refers to this; fails if it is not there, on its way out, or not at this version."""
    ended = In("state", [State.GONE.value, State.FAILED.value])
    conditions: list[Condition] = [Equals("desired", Desired.PRESENT.value), Not(ended)]
    if version is not None:
        conditions.append(Equals("version", version))
    return Update(RESOURCES, key_of(parent_id), (Add("references", 1),), And(*conditions))


def _unreferring(parent_id: str) -> Update:
    return Update(RESOURCES, key_of(parent_id), (Add("references", -1),), Exists("id"))

"""`Resources`: what a tenant wants to have. Every call is a write of rows; no provider is asked in a request."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, bad_request, conflict, found, not_found, unavailable
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage
from chalicelib.kit.tables import BeginsWith, Between
from chalicelib.platform.provisioning import claim_store
from chalicelib.platform.provisioning.model import Changes, Desired, NewResource, Resource, Share, State
from chalicelib.platform.provisioning.resource_store import RefusedByQuotaError, ResourceStore
from chalicelib.platform.provisioning.store import Fits
from chalicelib.platform.provisioning.tie_store import ParentMovedError, ParentUnfitError, missing
from chalicelib.platform.quotas.rules import quota_exceeded

Decide = Callable[[Resource], Changes | None]
"""Decides the changes of a resource as it is now; None for nothing. May raise `EdgeError`."""

Check = Callable[[Resource], None]
"""Raises `EdgeError` (bad request, conflict) for a resource that cannot be removed as it is now."""

MOST_EXAMINED = 2_000
"""Rows that one page, or one search by name, may read."""

MOST_CHARACTERS = 1_500_000
"""The JSON text of a page's resources, above which it ends: an answer is three times as long at most."""

_AT_ONCE = 100
_LEAST_ID = "0"


def _any(_resource: Resource) -> bool:
    return True


class Resources:
    """The resources of one tenant."""

    def __init__(self, tenant: str, store: ResourceStore, clock: Clock, ids: Ids) -> None:
        self._tenant = tenant
        self._store = store
        self._clock = clock
        self._ids = ids

    def create(self, new: NewResource, operation: str = "resource.created") -> Resource:
        """Make a resource: one transaction with its quotas, its claims, its parents' references and what changes
        beside it. The same ``id`` again answers what is there.

        Raises `EdgeError` (forbidden) for a used up quota, `EdgeError` (not found, conflict) for a parent that is not
        there or is being removed, `ClaimTakenError` (conflict) for a claim that another holds, `ParentMovedError` for
        a parent or a resource beside it that has changed, and `EdgeError` (service unavailable) if too many create at
        once.
        """
        now = self._clock.now()
        text = to_seconds_text(now)
        resource = Resource(
            id=new.id or self._ids.uuid7(now),
            tenant=self._tenant,
            kind=new.kind,
            name=new.name,
            owner=new.owner,
            spec={**new.spec},
            hidden=new.hidden,
            power=new.power,
            parents=tuple(dict.fromkeys(new.parents)),
            sources=missing(new.sources, new.parents),
            claims=tuple(dict.fromkeys(new.claims)),
            is_public=new.is_public,
            quota=new.quota,
            shares={each.quota: each.amount for each in new.shares if each.amount},
            due_at=text,
            inserted_at=text,
            updated_at=text,
        )
        shares = [Share(new.quota, 1, new.limit)] if new.quota else []
        shares += [each for each in new.shares if each.amount]
        beside = [(each.row, self._changed(each.row, each.changes)) for each in new.beside]
        try:
            return self._store.add(resource, shares, operation, new.at, beside)
        except RefusedByQuotaError as error:
            raise _exceeded(error) from error
        except ParentUnfitError as error:
            raise _unfit(error) from error

    def make(self, decide: Callable[[], NewResource], operation: str) -> Resource:
        """Make the resource that ``decide`` asks for, as `create` does. It is asked again if a parent, or a resource
        beside it, has changed since it was read, so a rule over what is there is decided on what holds then."""
        for _ in self._store.tries():
            try:
                return self.create(decide(), operation)
            except ParentMovedError:
                continue
        raise unavailable()

    def holder_of(self, claim: str) -> str | None:
        """The id of the resource that holds a claim now, or None."""
        return claim_store.holder_of(self._store.scoped(self._tenant), claim)

    def holders_in(self, scope: str) -> Mapping[str, str]:
        """The ids of the resources that hold the claims of a scope now, by name: all of them, however new."""
        return claim_store.holders_in(self._store.scoped(self._tenant), scope)

    def of_ids(self, ids: Sequence[str]) -> list[Resource]:
        """The resources of these ids, of any kind, those that are there. One call per 100."""
        every = self._store.find_many([(self._tenant, each) for each in ids])
        return [each for each in every if not self._is_over(each)]

    def find(self, kind: str, resource_id: str) -> Resource | None:
        """A resource, or None. One that is gone is found for as long as its kind keeps it."""
        resource = self._store.find(self._tenant, resource_id)
        if resource is None or resource.kind != kind or self._is_over(resource):
            return None
        check_found(resource.id, resource.name)
        return resource

    def get(self, kind: str, resource_id: str) -> Resource:
        """A resource. Raises `EdgeError` (not found)."""
        return found(self.find(kind, resource_id))

    def every(self, kind: str) -> list[Resource]:
        """All resources of a kind, newest first. One that was made a moment ago may be missing."""
        return [each for rows in self._store.of_kind(self._tenant, kind) for each in rows if not self._is_over(each)]

    def page(self, kind: str, size: int, after: str = "", fits: Fits = _any) -> ListPage[Resource]:
        """The next resources of a kind that fit, behind the one with the id ``after``, newest first: ``size`` at most.

        It reads `MOST_EXAMINED` rows at most, and ends when what it shows would take `MOST_CHARACTERS`, so that it may
        be short, or empty, before the last. The cursor of the next page is an id.
        """
        shown: list[Resource] = []
        last, examined, characters = after, 0, 0
        behind = Between(_LEAST_ID, after) if after else None
        for rows in self._store.of_kind(self._tenant, kind, behind, size + 1):
            for each in rows:
                if each.id != after and fits(each) and not self._is_over(each):
                    if len(shown) == size or characters > MOST_CHARACTERS:
                        return _page(shown, size, last)
                    shown.append(each)
                    characters += len(json.dumps([each.spec, each.observed]))
                last = each.id
            examined += len(rows)
            if examined >= MOST_EXAMINED:
                return _page(shown, size, last)
        return _page(shown, size, None)

    def search(self, kind: str, fits: Fits, begins: str = "") -> list[Resource]:
        """Two of the resources of a kind that fit, or fewer if there are not so many; with ``begins`` among those whose
        ids begin so. Raises `EdgeError` (bad request) if it would have to read more than `MOST_EXAMINED` rows."""
        found: list[Resource] = []
        examined = 0
        for rows in self._store.of_kind(self._tenant, kind, BeginsWith(begins) if begins else None, _AT_ONCE):
            if examined >= MOST_EXAMINED:
                raise bad_request({"id": [f"there are more than {MOST_EXAMINED} to look through: give the whole id"]})
            found += [each for each in rows if fits(each) and not self._is_over(each)]
            examined += len(rows)
            if len(found) > 1:
                break
        for each in found[:2]:
            check_found(each.id, each.name)
        return found[:2]

    def change(self, kind: str, resource_id: str, decide: Decide, operation: str) -> Resource:
        """Change what shall be, in one write; returns the resource. ``decide`` may be asked again if somebody else
        changes it meanwhile.

        Raises `EdgeError` (not found), (conflict) for one that was lost or is going, but for a note of one that could
        not be removed, (forbidden) for a used up quota, (service unavailable) if the row stays contended, what
        ``decide`` raises, and for new parents and claims what `create` does.
        """
        for _ in self._store.tries():
            resource = self.get(kind, resource_id)
            changes = decide(resource)
            if changes is None:
                return resource
            is_going = resource.desired is Desired.ABSENT and not (changes.is_note and resource.state is State.FAILED)
            if is_going or resource.is_released:
                raise conflict(f"{resource.name} is gone or being removed: it cannot be changed")
            new = self._changed(resource, changes)
            try:
                taken = _taking(resource, new, changes.shares or ())
                changed = self._store.effect(resource, new, operation, taken, changes.at)
            except ParentMovedError:
                continue
            except RefusedByQuotaError as error:
                raise _exceeded(error) from error
            except ParentUnfitError as error:
                raise _unfit(error) from error
            if changed is not None:
                return changed
        raise unavailable()

    def wake(self, resource_id: str) -> bool:
        """Have a resource looked at now; False if it is not there, needs no look, or a worker is at it."""
        return self._store.wake((self._tenant, resource_id), self._clock.now(), "resource.woken")

    def delete(
        self,
        kind: str,
        resource_id: str,
        operation: str,
        spec: Mapping[str, Any] | None = None,
        check: Check = lambda _resource: None,
    ) -> Resource:
        """Have a resource removed; returns it. One that is already going or gone is returned as it is, without a write.
        ``spec`` takes the place of its specification, for a driver that has to know how. ``check`` is asked about the
        row as it is when it is removed.

        Raises `EdgeError` (not found), `EdgeError` (conflict) while other resources refer to it, `EdgeError`
        (service unavailable) if the row stays contended, and what ``check`` raises.
        """
        for _ in self._store.tries():
            resource = self.get(kind, resource_id)
            if resource.desired is Desired.ABSENT and resource.state is not State.FAILED:
                return resource
            check(resource)
            if resource.references > 0:
                users = f"{resource.references} other resource(s)"
                raise conflict(f"{resource.name} is used by {users}: delete these, or wait until they are made of it")
            deleted = self._store.effect(resource, self._deleted(resource, spec), operation)
            if deleted is not None:
                return deleted
        raise unavailable()

    def _changed(self, resource: Resource, changes: Changes) -> Resource:
        now = to_seconds_text(self._clock.now())
        shares = (
            resource.shares
            if changes.shares is None
            else {each.quota: each.amount for each in changes.shares if each.amount}
        )
        if changes.is_note:
            noted = {"spec": {**(changes.spec or resource.spec)}, "shares": shares, "updated_at": now}
            return resource.model_copy(update=noted)
        values = {
            "generation": resource.generation + 1,
            "power": changes.power or resource.power,
            "act": changes.act or resource.act,
            "name": resource.name if changes.name is None else changes.name,
            "spec": resource.spec if changes.spec is None else {**changes.spec},
            "hidden": resource.hidden if changes.spec is None else None,
            "parents": resource.parents if changes.parents is None else tuple(dict.fromkeys(changes.parents)),
            "claims": resource.claims if changes.claims is None else tuple(dict.fromkeys(changes.claims)),
            "shares": shares,
            "due_at": _free_at(resource, now),
            "updated_at": now,
        }
        if resource.state not in {State.PENDING, State.CREATING}:
            values |= {"state": State.CHANGING, "reason": "", "attempts": 0, "deadline_at": None}
        return resource.model_copy(update=values)

    def _deleted(self, resource: Resource, spec: Mapping[str, Any] | None) -> Resource:
        now = to_seconds_text(self._clock.now())
        return resource.model_copy(
            update={
                "desired": Desired.ABSENT,
                "spec": resource.spec if spec is None else {**spec},
                "generation": resource.generation + 1,
                "act": "",
                "state": State.DELETING,
                "reason": "",
                "attempts": 0,
                "deadline_at": None,
                "due_at": _free_at(resource, now),
                "updated_at": now,
            }
        )

    def _is_over(self, resource: Resource) -> bool:
        """Whether the time is over for which a resource that is gone stays readable."""
        return resource.expires_epoch is not None and resource.expires_epoch <= self._clock.now().timestamp()


def _page(shown: list[Resource], size: int, following: str | None) -> ListPage[Resource]:
    return ListPage(shown, 1, size, 0, by_cursor=True, next_cursor=following)


def _free_at(resource: Resource, now: str) -> str:
    """When a worker may look at a resource that was changed now: at once, or when the one that is at it has its answer,
    which makes it due, or has been lost."""
    return max(now, resource.leased_until or now)


def _taking(old: Resource, new: Resource, shares: Sequence[Share]) -> list[Share]:
    """The shares that the new row takes beyond those of the old one; below zero where it takes less."""
    limits = {each.quota: each.limit for each in shares}
    moved = {name: new.shares.get(name, 0) - old.shares.get(name, 0) for name in {**old.shares, **new.shares}}
    return [Share(name, amount, limits.get(name)) for name, amount in moved.items() if amount]


def _exceeded(error: RefusedByQuotaError) -> EdgeError:
    return quota_exceeded(error.share.quota, error.share.limit or 0)


def _unfit(error: ParentUnfitError) -> EdgeError:
    return conflict(f"{error.parent_id} is gone or being removed") if error.is_there else not_found()

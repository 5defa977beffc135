"""Reads and writes of resources."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import (
    NO_RESULT,
    Absent,
    And,
    Between,
    ConditionFailedError,
    Delete,
    Equals,
    Exists,
    Item,
    KeyRange,
    Less,
    Or,
    Query,
    Ref,
    Set,
    Tables,
    TransactionFailedError,
    Update,
    Write,
    put_new,
)
from chalicelib.kit.tables.tenants import owner_of
from chalicelib.platform.provisioning.model import Resource, Share, is_shown
from chalicelib.platform.provisioning.store import (
    ALL_RESOURCES,
    RESOURCES,
    SHARDS,
    due_shards,
    external_key_of,
    from_item,
    from_whole,
    key_of,
    to_item,
    whole_key_of,
)
from chalicelib.platform.provisioning.tie_store import leaving, missing, require_ties, standing_alone, tying, untying
from chalicelib.platform.quotas.rules import tenant_is_gone

Name = tuple[str, str]
"""The tenant of a resource and its id."""

_DUE_PER_SHARD = 100
_NAMED_AT_ONCE = 500


class QuotaWrites(Protocol):
    """Makes the writes that move the counter of a quota (`quotas.service`)."""

    def taking(self, quota: str, limit: int | None, amount: int = 1) -> Update: ...

    def making(self) -> Update: ...

    def returning(self, quota: str, amount: int = 1) -> Update: ...


class RefusedByQuotaError(Exception):
    """The tenant has as much as its quota allows."""

    def __init__(self, share: Share) -> None:
        super().__init__(share.quota)
        self.share = share


class ChangedMeanwhileError(Exception):
    """The row was written by another; ``current`` is the resource as it is, None if its row is gone."""

    def __init__(self, current: Resource | None) -> None:
        super().__init__("the resource has changed meanwhile")
        self.current = current


class ResourceStore:
    """Resources on `Tables` that are not scoped: each row is addressed by its tenant."""

    def __init__(self, tables: Tables, quotas: QuotaWrites) -> None:
        self._tables = tables
        self._quotas = quotas

    def tries(self) -> Iterator[None]:
        """See `Tables.tries`."""
        return self._tables.tries()

    def scoped(self, tenant: str) -> Tables:
        """The tables of one tenant."""
        return self._tables.scoped(tenant)

    def add(
        self,
        resource: Resource,
        shares: Sequence[Share],
        operation: str,
        at: Mapping[str, int],
        beside: Sequence[tuple[Resource, Resource]] = (),
    ) -> Resource:
        """Create a resource in one transaction with its ``shares`` of quotas, its claims and the references on its
        parents, as the effect of the current work; or return the one of that id. ``at`` has versions of parents that
        must still hold; ``beside`` are other resources, as they were read and as they shall be. Raises
        `RefusedByQuotaError`, `ParentUnfitError`, `ParentMovedError`, `ClaimTakenError`, `EdgeError` (forbidden) for a
        tenant that was deleted, and the errors of `Tables.commit`."""
        writes: list[Write] = [put_new(RESOURCES, to_item(resource))]
        writes += [self._quotas.taking(each.quota, each.limit, each.amount) for each in shares]
        writes += [self._quotas.making()] if shares else []
        ties = len(writes)
        writes += tying(resource.id, resource.referred, resource.claims, at)
        for old, new in beside:
            gained = tying(old.id, missing(new.parents, old.parents), missing(new.claims, old.claims))
            writes += [_replacing(old, new), *gained]
        versions = {**at, **{old.id: old.version for old, _ in beside}}
        made = resource.model_copy(update={"version": 1})
        try:
            self._tables.scoped(resource.tenant).commit(writes, operation, result=made)
        except TransactionFailedError as error:
            if (row := error.failed.get(0)) is not None:
                return from_item(row)
            require_ties(writes[ties:], error, ties, versions)
            _check_quotas(error, shares)
            if shares and ties - 1 in error.failed:
                raise tenant_is_gone() from error
            raise
        return made

    def find(self, tenant: str, resource_id: str) -> Resource | None:
        row = self._tables.scoped(tenant).get(RESOURCES, key_of(resource_id))
        return None if row is None else from_item(row)

    def find_many(self, names: Sequence[Name]) -> list[Resource]:
        """Those of these that are there, of any tenants. One call per 100."""
        refs = [Ref(ALL_RESOURCES, whole_key_of(*name)) for name in names]
        return [from_whole(row) for row in self._tables.get_many(refs) if row is not None]

    def of_kind(
        self, tenant: str, kind: str, ids: KeyRange | None = None, at_once: int | None = None
    ) -> Iterator[list[Resource]]:
        """The resources of a kind of a tenant, of all ids or of some, newest first: those that the index shows, read
        anew, ``at_once`` at a time."""
        tables = self._tables.scoped(tenant)
        query = Query(RESOURCES, kind, RESOURCES.index("by_kind"), ids, descending=True, limit=at_once)
        for page in tables.pages(query):
            rows = tables.get_many([Ref(RESOURCES, key_of(str(entry["id"]))) for entry in page.items])
            yield [from_item(row) for row in rows if row is not None]

    def named_of_kind(self, kind: str, first: int = 0) -> Iterator[list[Name]]:
        """The resources of a kind of all tenants, as the index shows them, from one of its shards around to that."""
        for shard in range(first, first + SHARDS):
            query = Query(ALL_RESOURCES, f"{kind}#{shard % SHARDS}", RESOURCES.index("every"), limit=_NAMED_AT_ONCE)
            for page in self._tables.pages(query):
                yield [_name_of(entry) for entry in page.items]

    def named_by_id(self, ids: Sequence[str]) -> list[Name]:
        """The tenants of resources of which only the ids are known, as the index shows them."""
        return self._named("by_id", ids)

    def named_by_external(self, kind: str, external_ids: Sequence[str]) -> list[Name]:
        """The resources of things at a provider, as the index shows them."""
        return self._named("by_external", [external_key_of(kind, external_id) for external_id in external_ids])

    def published(self, kind: str, most: int) -> list[Name]:
        """The newest resources of a kind that all tenants may see, as the index shows them: one query."""
        query = Query(ALL_RESOURCES, kind, RESOURCES.index("published"), descending=True, limit=most)
        return [_name_of(entry) for page in self._tables.query_many([query]) for entry in page.items]

    def effect(
        self,
        old: Resource,
        new: Resource,
        operation: str,
        taking: Sequence[Share] = (),
        at: Mapping[str, int] | None = None,
    ) -> Resource | None:
        """Write a change as the effect of the current work, in one transaction with the parents and claims that it
        gains and loses; None if the row has changed since ``old`` was read. ``taking`` is what it takes of quotas more
        than before, or less; ``at`` has versions of new parents that must still hold. Raises `RefusedByQuotaError`,
        `ParentUnfitError`, `ParentMovedError` and `ClaimTakenError`."""
        made = new.model_copy(update={"version": old.version + 1})
        gained = tying(old.id, missing(new.parents, old.parents), missing(new.claims, old.claims), at)
        lost = untying(old.id, missing(old.parents, new.parents), missing(old.claims, new.claims))
        tables = self._tables.scoped(old.tenant)
        try:
            if taking or gained or lost:
                writes = [_replacing(old, new), *map(self._moving, taking), *gained]
                _exchange(tables, writes, lost, operation, made)
            else:
                tables.apply(_replacing(old, new), operation, result=made)
        except ConditionFailedError:
            return None
        except TransactionFailedError as error:
            if 0 in error.failed:
                return None
            require_ties(gained, error, 1 + len(taking), at)
            _check_quotas(error, taking)
            raise
        return made

    def follow(self, old: Resource, new: Resource, now: datetime) -> Resource:
        """Write what a worker makes of a resource; the write that releases it returns its quota, its claims and its
        references in its transaction, one with which its thing is made those on its sources. Raises
        `ChangedMeanwhileError` if the row has changed since ``old`` was read."""
        new = standing_alone(new)
        if old == new:
            return old
        operation = "resource.looked"
        if is_shown(old, new):
            new = new.model_copy(update={"updated_at": to_seconds_text(now)})
            operation = f"resource.{new.state}"
        tables = self._tables.scoped(old.tenant)
        try:
            lost, quotas = leaving(old, new), old.taken if new.is_released and not old.is_released else {}
            if lost or quotas:
                returned = [self._quotas.returning(name, amount) for name, amount in quotas.items()]
                _exchange(tables, [_replacing(old, new), *returned], lost, operation, NO_RESULT)
            else:
                tables.write(_replacing(old, new), operation)
        except ConditionFailedError as error:
            raise ChangedMeanwhileError(None if error.current is None else from_item(error.current)) from error
        except TransactionFailedError as error:
            current = error.failed[0]
            raise ChangedMeanwhileError(None if current is None else from_item(current)) from error
        return new.model_copy(update={"version": old.version + 1})

    def remove(self, resource: Resource, operation: str) -> None:
        """Remove the row, unless it has changed since."""
        is_same = Equals("version", resource.version)
        self._tables.scoped(resource.tenant).try_write(
            Delete(RESOURCES, key_of(resource.id), is_same, was_read=True), operation
        )

    def wake(self, name: Name, now: datetime, operation: str) -> bool:
        """Make a resource due at once; False if it is not there, needs no look, or a worker is at it."""
        tenant, resource_id = name
        changes = (Set("due_at", to_seconds_text(now)),)
        is_over = Less("leased_until", to_seconds_text(now))
        may_be = And(Exists("due_at"), Or(Absent("leased_until"), is_over))
        update = Update(RESOURCES, key_of(resource_id), changes, may_be)
        return self._tables.scoped(tenant).try_write(update, operation)

    def due(self, now: datetime) -> Iterator[list[tuple[str, Name]]]:
        """Kind and name of what is due, as the index shows it: most overdue first, a page of each shard at a time."""
        index, until = RESOURCES.index("due"), to_seconds_text(now)
        queries = [
            Query(ALL_RESOURCES, shard, index, Between("0", until), limit=_DUE_PER_SHARD) for shard in due_shards()
        ]
        while queries:
            pages = self._tables.query_many(queries)
            yield [(str(entry["resource_kind"]), _name_of(entry)) for page in pages for entry in page.items]
            queries = [
                replace(query, start=page.last_key)
                for query, page in zip(queries, pages, strict=True)
                if page.last_key is not None
            ]

    def _moving(self, share: Share) -> Update:
        if share.amount < 0:
            return self._quotas.returning(share.quota, -share.amount)
        return self._quotas.taking(share.quota, share.limit, share.amount)

    def _named(self, index: str, keys: Sequence[str]) -> list[Name]:
        queries = [Query(ALL_RESOURCES, key, RESOURCES.index(index)) for key in dict.fromkeys(keys)]
        return [_name_of(entry) for page in self._tables.query_many(queries) for entry in page.items]


def _name_of(entry: Item) -> Name:
    tenant, resource_id = owner_of(str(entry["id"]))
    return tenant.id, resource_id


def _exchange(tables: Tables, writes: Sequence[Write], lost: Sequence[Write], operation: str, result: object) -> None:
    """Commit these writes with those of the ties that are lost. Ties that are missing, or held by another, are not
    given back. Raises `TransactionFailedError` if the conditions of the first writes do not hold."""
    given = list(lost)
    while True:
        try:
            tables.commit([*writes, *given], operation, result=result)
        except TransactionFailedError as error:
            if any(index < len(writes) for index in error.failed):
                raise
            given = [write for index, write in enumerate(given, len(writes)) if index not in error.failed]
        else:
            return


def _check_quotas(error: TransactionFailedError, shares: Sequence[Share]) -> None:
    """Raises `RefusedByQuotaError` for the first of these, which stand behind the row, that there was too little of."""
    for index, share in enumerate(shares, 1):
        if index in error.failed:
            raise RefusedByQuotaError(share) from error


def _replacing(old: Resource, new: Resource) -> Update:
    before, after = to_item(old), to_item(new)
    changes = tuple(Set(name, after.get(name)) for name in after if before.get(name) != after.get(name))
    return Update(RESOURCES, key_of(old.id), changes, Equals("version", old.version))

"""`Buckets`: the buckets of tenants. They are resources of the engine; a request asks S3 only whether one is empty."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from chalicelib.cloud.storage import rules
from chalicelib.cloud.storage.model import BUCKET, BUCKETS, BucketSpec, LifecycleRule
from chalicelib.cloud.storage.rules import Use
from chalicelib.cloud.storage.s3 import S3Objects
from chalicelib.kit.backoff import Backoff
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, conflict, not_found
from chalicelib.kit.ids import Ids
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, Desired, NewResource, Resource, State

MOST_BUCKETS = 1_000
"""The most of a tenant, however many it was granted: as many as a list shows. An AWS account has 10,000 by default."""

PATIENCE = timedelta(seconds=5)
"""How long a request waits for a bucket that is being made, which takes some two seconds: the published SDK repeats a
request within a second, and then gives up."""

_GOING = frozenset({State.DELETING, State.GONE})


class Resources(Protocol):
    """The resources of a tenant, as far as they are used here (`platform.provisioning`)."""

    def create(self, new: NewResource, operation: str = ...) -> Resource: ...
    def find(self, kind: str, resource_id: str) -> Resource | None: ...
    def every(self, kind: str) -> list[Resource]: ...
    def holder_of(self, claim: str) -> str | None: ...
    def holders_in(self, scope: str) -> Mapping[str, str]: ...
    def of_ids(self, ids: Sequence[str]) -> list[Resource]: ...
    def change(
        self, kind: str, resource_id: str, decide: Callable[[Resource], Changes | None], operation: str
    ) -> Resource: ...
    def delete(
        self, kind: str, resource_id: str, operation: str, spec: Mapping[str, Any] | None = None
    ) -> Resource: ...


@dataclass(frozen=True)
class Location:
    """A bucket that can be used, and its name at S3."""

    bucket: Resource
    name: str

    @property
    def has_versions(self) -> bool:
        """Whether S3 may keep several versions of an object in it."""
        return rules.spec_of(self.bucket).versioning


class Buckets:
    """``limit`` is how much of a quota a tenant may have; None for no limit."""

    def __init__(
        self,
        resources: Callable[[str], Resources],
        objects: S3Objects,
        limit: Callable[[str, str], int | None],
        clock: Clock,
        ids: Ids,
        table_prefix: str,
    ) -> None:
        self._resources = resources
        self._objects = objects
        self._limit = limit
        self._clock = clock
        self._ids = ids
        self._prefix = table_prefix

    def make(self, by: Principal, name: str) -> Resource:
        """Ask for a bucket. Raises `EdgeError` (bad request) for a name that none can have, (conflict) for one that is
        taken, (forbidden) beyond the quota."""
        rules.check_name(name)
        granted = self._limit(by.tenant, BUCKETS)
        new = NewResource(
            kind=BUCKET,
            name=name,
            owner=by.user,
            spec=BucketSpec().model_dump(mode="json"),
            claims=(rules.claim_of(name),),
            quota=BUCKETS,
            limit=MOST_BUCKETS if granted is None else min(granted, MOST_BUCKETS),
        )
        try:
            return self._resources(by.tenant).create(new, "bucket.create")
        except ClaimTakenError as error:
            raise conflict("there is a bucket of that name, or one is still being deleted") from error

    def all(self, tenant: str) -> list[Resource]:
        """The buckets of a tenant by name, but for those that are going. Two queries, and a read for each hundred."""
        resources = self._resources(tenant)
        known = {each.id: each for each in resources.every(BUCKET)}
        # A new one is held by its name at once, and found by the index a moment later.
        new = [each for each in resources.holders_in(BUCKET).values() if each not in known]
        every = [*known.values(), *(resources.of_ids(new) if new else ())]
        return sorted((each for each in every if each.state not in _GOING), key=lambda each: (each.name, each.id))

    def get(self, tenant: str, name: str) -> Resource:
        """A bucket by its name. Raises `EdgeError` (not found)."""
        resources = self._resources(tenant)
        bucket_id = resources.holder_of(rules.claim_of(name))
        found = None if bucket_id is None else resources.find(BUCKET, bucket_id)
        if found is None or found.state in _GOING:
            raise rules.bucket_not_found()
        return found

    def delete(self, tenant: str, name: str, *, force: bool = False) -> None:
        """Have a bucket removed, with ``force`` all that is in it; also one that was lost, whose name may be another's
        by now. Raises `EdgeError` (not found), (conflict) for one that is not empty, (service unavailable) if S3 does
        not say."""
        try:
            bucket = self.get(tenant, name)
        except EdgeError:
            lost = [each for each in self.all(tenant) if each.name == name]
            if not lost:
                raise
            bucket = lost[0]
        is_there = bucket.state not in {State.PENDING, State.CREATING} and not bucket.is_released
        if not force and is_there and not self._objects.is_empty(self.name_of(bucket)):
            raise conflict("The bucket is not empty: delete its objects and their versions, or send force=true")
        spec = rules.spec_of(bucket).model_copy(update={"force": force})
        self._resources(tenant).delete(BUCKET, bucket.id, "bucket.delete", spec.model_dump(mode="json"))

    def set_versioning(self, tenant: str, name: str, *, enabled: bool) -> Resource:
        """Have a bucket keep versions from now on, or no more. Raises `EdgeError` (not found, conflict)."""

        def decide(bucket: Resource) -> Changes | None:
            spec = rules.spec_of(bucket)
            if spec.versioning is enabled:
                return None
            return Changes(spec=spec.model_copy(update={"versioning": enabled}).model_dump(mode="json"))

        return self._change(tenant, name, decide, "bucket.versioning")

    def add_rule(self, by: Principal, name: str, prefix: str, days: int, *, enabled: bool) -> Resource:
        """Add a rule to a bucket, as its last. Raises `EdgeError` (bad request) for a beginning that no key has, (not
        found, conflict)."""
        rules.check_prefix(prefix)
        now = self._clock.now()
        rule = LifecycleRule(
            id=self._ids.uuid7(now),
            prefix=prefix,
            days=days,
            enabled=enabled,
            user=by.user or None,
            inserted_at=to_seconds_text(now),
        )

        def decide(bucket: Resource) -> Changes:
            return Changes(spec=rules.with_rule(rules.spec_of(bucket), rule).model_dump(mode="json"))

        return self._change(by.tenant, name, decide, "bucket.add_rule")

    def remove_rule(self, tenant: str, name: str, rule_id: str) -> None:
        """Raises `EdgeError` (not found, conflict)."""

        def decide(bucket: Resource) -> Changes:
            spec = rules.without_rule(rules.spec_of(bucket), rule_id)
            if spec is None:
                raise not_found()
            return Changes(spec=spec.model_dump(mode="json"))

        self._change(tenant, name, decide, "bucket.remove_rule")

    def usable(self, tenant: str, name: str, use: Use) -> Location:
        """A bucket for objects; waits some seconds for one that is being made. Raises `EdgeError` (not found,
        conflict), and (service unavailable) if it takes longer."""
        bucket = self.get(tenant, name)
        waiting = Backoff(self._clock, self._ids, first_seconds=0.5, longest_seconds=1, patience=PATIENCE)
        while True:
            try:
                rules.check_usable(bucket, use)
            except EdgeError as error:
                if error.kind is not Kind.UNAVAILABLE or not waiting.pause():
                    raise
                bucket = self.get(tenant, name)
            else:
                return Location(bucket, self.name_of(bucket))

    def name_of(self, bucket: Resource) -> str:
        """The name of a bucket at S3."""
        return self.name_at(bucket.tenant, bucket.id)

    def name_at(self, tenant: str, bucket_id: str) -> str:
        """The name at S3 of the bucket of that id."""
        return rules.physical_name(self._prefix, tenant, bucket_id)

    def _change(self, tenant: str, name: str, decide: Callable[[Resource], Changes | None], operation: str) -> Resource:
        bucket = self.get(tenant, name)
        if bucket.desired is Desired.ABSENT:
            raise conflict("The bucket is being deleted")
        return self._resources(tenant).change(BUCKET, bucket.id, decide, operation)

"""The driver of buckets: a bucket at S3, with the settings of its row.

See `platform.provisioning.ports.Driver`. All calls set something to a value, or remove what is there, so that they may
be repeated. The tag with the digest of the settings is written last: a bucket without it is not finished.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chalicelib.cloud.storage import configuration
from chalicelib.cloud.storage.configuration import RESOURCE_TAG, SETTINGS_TAG, TENANT_TAG
from chalicelib.cloud.storage.errors import ERRORS, NO_BUCKET, NO_UPLOAD
from chalicelib.cloud.storage.rules import (
    SETTINGS,
    VERSIONING,
    digest_of,
    physical_name,
    physical_prefix,
    spec_of,
)
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.provisioning.model import Observation, Resource, Seen, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, GoneError, ProviderError, RefusedError
from chalicelib.platform.provisioning.resource_store import Name

EMPTIED_AT_ONCE = 10
"""Batches of a thousand versions that one call deletes: some 20 s, of the minute that the worker has."""

ERRORS_AT_MOST = 3
"""Looks in a row that S3 does not answer now, after which no other bucket of the batch is looked at."""

_FIRST_REGION = "us-east-1"
_OURS = "BucketAlreadyOwnedByYou"
_NO_TAGS = "NoSuchTagSet"
_ENABLED = "Enabled"


class BucketDriver:
    """``client`` is the SDK's client of S3; names of buckets begin with the prefix of the stage's tables. ``known``
    walks over the names of all rows of buckets, some hundreds at a time."""

    def __init__(self, client: Any, table_prefix: str, known: Callable[[], Iterable[Sequence[Name]]]) -> None:
        self._client = client
        self._prefix = table_prefix
        self._known = known

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation | ProviderError]:
        """Two calls for each: S3 describes one bucket at a time. The error of one stands in its place; after some in a
        row that a repeat may mend the others are not asked for, since S3 itself is in trouble. A refusal is an
        answer."""
        seen: dict[str, Observation | ProviderError] = {}
        unanswered = 0
        for each in resources:
            if unanswered == ERRORS_AT_MOST:
                seen[each.id] = AgainLaterError("S3 did not answer for other buckets: this one was not asked for")
                continue
            try:
                seen[each.id] = self._look(self._name(each))
            except ProviderError as error:
                seen[each.id] = error
                unanswered = unanswered + 1 if isinstance(error, AgainLaterError) else 0
            else:
                unanswered = 0
        return seen

    def create(self, resource: Resource) -> Mapping[str, str]:
        name = self._name(resource)
        with ERRORS.sorted():
            self._make(name)
        try:
            self._set_up(name, resource)
        except ProviderError as error:  # a refusal would say that nothing was made
            raise AgainLaterError(error.reason) from error
        return {"id": name}

    def change(self, resource: Resource, observation: Observation) -> None:
        del observation  # every setting is set
        self._set_up(self._name(resource), resource)

    def delete(self, resource: Resource) -> None:
        """Uploads that were not completed go first; objects only where the row says so, some at a time."""
        name = self._name(resource)
        with ERRORS.sorted():
            try:
                with calling():
                    self._end_uploads(name)
                    if spec_of(resource).force and not self._empty(name):
                        raise AgainLaterError("its objects are being deleted", after_seconds=1)
                    self._client.delete_bucket(Bucket=name)
            except CallRefusedError as error:
                if error.code != NO_BUCKET:
                    raise

    def tagged(self) -> Iterable[Tagged]:
        """One call for each bucket whose name is that of no row. One without tags belongs to no resource."""
        known = {physical_name(self._prefix, *each): each for names in self._known() for each in names}
        for bucket in self._all():
            name = str(bucket["Name"])
            owner = known.get(name) or self._owner(name)
            if owner is not None:
                since = to_seconds_text(bucket["CreationDate"])
                yield Tagged(tenant=owner[0], resource_id=owner[1], external_id=name, since=since)

    def _owner(self, name: str) -> Name | None:
        """The tenant and the resource that the tags of a bucket name, "" for none; None if there is no bucket."""
        tags = self._tags(name)
        return None if tags is None else (tags.get(TENANT_TAG, ""), tags.get(RESOURCE_TAG, ""))

    def _name(self, resource: Resource) -> str:
        return physical_name(self._prefix, resource.tenant, resource.id)

    def _look(self, name: str) -> Observation:
        tags = self._tags(name)
        if tags is None:
            return Observation(Seen.MISSING)
        try:
            with ERRORS.sorted():
                is_versioned = self._client.get_bucket_versioning(Bucket=name).get("Status") == _ENABLED
        except GoneError:
            return Observation(Seen.MISSING)
        return Observation(
            Seen.READY,
            external={"id": name},
            facts={SETTINGS: tags.get(SETTINGS_TAG, ""), VERSIONING: is_versioned},
        )

    def _tags(self, name: str) -> dict[str, str] | None:
        """The tags of a bucket, none of one without; None if there is no bucket."""
        with ERRORS.sorted():
            try:
                with calling():
                    found = self._client.get_bucket_tagging(Bucket=name)["TagSet"]
            except CallRefusedError as error:
                if error.code == NO_BUCKET:
                    return None
                if error.code != _NO_TAGS:
                    raise
                return {}
        return {str(tag["Key"]): str(tag["Value"]) for tag in found}

    def _make(self, name: str) -> None:
        region = self._client.meta.region_name
        constraint = {} if region == _FIRST_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            with calling():
                self._client.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced", **constraint)
        except CallRefusedError as error:
            if error.code != _OURS:
                raise

    def _set_up(self, name: str, resource: Resource) -> None:
        client, spec = self._client, spec_of(resource)
        partition = configuration.partition_of(client.meta.region_name)
        with ERRORS.sorted():
            client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=configuration.CLOSED)
            client.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=configuration.ENCRYPTED)
            if client.meta.endpoint_url.startswith("https:"):  # over HTTP, as in a local cloud, it would refuse all
                client.put_bucket_policy(Bucket=name, Policy=configuration.policy(name, partition))
            self._set_versioning(name, wanted=spec.versioning)
            rules = configuration.lifecycle(spec.rules)
            client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=rules)
            stage = self._prefix.rstrip("-")
            tags = configuration.tags(stage, resource.tenant, resource.id, digest_of(spec))
            client.put_bucket_tagging(Bucket=name, Tagging=tags)

    def _set_versioning(self, name: str, *, wanted: bool) -> None:
        """A bucket that never had versions is left so: suspending is another state of S3."""
        is_enabled = self._client.get_bucket_versioning(Bucket=name).get("Status") == _ENABLED
        if is_enabled is not wanted:
            state = {"Status": _ENABLED if wanted else "Suspended"}
            self._client.put_bucket_versioning(Bucket=name, VersioningConfiguration=state)

    def _end_uploads(self, name: str) -> None:
        listed = self._client.list_multipart_uploads(Bucket=name)
        for upload in listed.get("Uploads", ()):
            try:
                with calling():
                    self._client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
            except CallRefusedError as error:
                if error.code != NO_UPLOAD:
                    raise

    def _empty(self, name: str) -> bool:
        """Delete the next versions of objects; returns whether none is left. Deleted ones are not listed again, so a
        repeat goes on where this ends."""
        for _ in range(EMPTIED_AT_ONCE):
            listed = self._client.list_object_versions(Bucket=name)
            every = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
            if not every:
                return True
            names = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in every]
            done = self._client.delete_objects(Bucket=name, Delete={"Objects": names, "Quiet": True})
            if done.get("Errors"):
                raise RefusedError(f"S3 does not delete some of its objects ({done['Errors'][0].get('Code')})")
        return False

    def _all(self) -> Iterable[Mapping[str, Any]]:
        more: dict[str, str] = {}
        while True:
            with ERRORS.sorted():
                page = self._client.list_buckets(Prefix=physical_prefix(self._prefix), MaxBuckets=1000, **more)
            yield from page.get("Buckets", ())
            if not page.get("ContinuationToken"):
                return
            more = {"ContinuationToken": page["ContinuationToken"]}

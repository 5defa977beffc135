"""Buckets of a tenant."""

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.storage_models import (
    BucketCreate,
    BucketOut,
    BucketPath,
    BucketSliceOut,
    ClusterOut,
    ForceQuery,
    ListedBucketsOut,
    NodeOut,
    VersioningChange,
    VersioningOut,
)
from chalicelib.cloud.permissions import STORAGE_DELETE, STORAGE_READ, STORAGE_WRITE
from chalicelib.cloud.storage.rules import named_uuid, spec_of
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import bad_request
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.provisioning.model import Resource, State
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Storage", auth=USER, scope=Scope.TENANT)

_STATUS = {State.PENDING: "creating", State.CREATING: "creating", State.FAILED: "failed"}


def _show(bucket: Resource, tenant: str) -> BucketOut:
    spec = spec_of(bucket)
    return BucketOut(
        id=bucket.id,
        name=bucket.name,
        user_id=bucket.owner or None,
        tenant_id=tenant,
        versioning_enabled=spec.versioning,
        status=_STATUS.get(bucket.state, "active"),
        reason=bucket.reason if bucket.state is State.FAILED else "",
        size_bytes=spec.size_bytes,
        measured_at=spec.measured_at,
        created_at=bucket.inserted_at,
    )


BUCKETS = Kind(
    routes=routes,
    collection="/storage/buckets",
    path=BucketPath,
    one="a bucket",
    many="buckets",
    name="bucket",
    names="buckets",
    of=lambda services: services.storage.buckets,
    show=_show,
    shown=BucketOut,
    read=STORAGE_READ,
)
BUCKETS.lists_slices(
    """Lists the buckets of the tenant: all, or with `limit` or `offset` a slice with the number of all.""",
    lambda services, tenant: services.storage.buckets.all(tenant),
    BucketSliceOut,
    ListedBucketsOut,
)


@routes.post(
    "/storage/buckets",
    permission=STORAGE_WRITE,
    audit="bucket.create",
    answer=BucketOut,
    status=201,
    errors=(409,),
    summary="Create a bucket",
)
def create_bucket(request: Request[NoPath, NoQuery, BucketCreate], services: Cloud) -> Created:
    """Makes a bucket, which can be used some two seconds later; requests for its objects wait for it. 409 for a taken
    name, also of one that is still being deleted; an error beyond the quota `max_buckets`."""
    body, by = request.body, request.principal
    if body.is_public:
        raise bad_request({"is_public": ["is false: buckets are closed. Show objects by links, POST /storage/presign"]})
    return request.once(
        lambda: services.storage.buckets.make(by, body.name), lambda made: Created(_show(made, by.tenant))
    )


@routes.delete(
    "/storage/buckets/{bucket}",
    permission=STORAGE_DELETE,
    audit="bucket.delete",
    status=204,
    errors=(404, 409),
    summary="Delete a bucket",
)
def delete_bucket(request: Request[BucketPath, ForceQuery, NoBody], services: Cloud) -> NoContent:
    """Deletes a bucket that is empty; with `force` also what is in it, which may take a while for millions of objects.
    409 for one that has objects, or versions of some."""
    services.storage.buckets.delete(request.principal.tenant, request.path.bucket, force=request.query.force)
    return NoContent()


@routes.patch(
    "/storage/buckets/{bucket}/versioning",
    permission=STORAGE_WRITE,
    audit="bucket.set_versioning",
    answer=VersioningOut,
    errors=(404, 409),
    summary="Set the versioning of a bucket",
)
def set_bucket_versioning(request: Request[BucketPath, NoQuery, VersioningChange], services: Cloud) -> VersioningOut:
    """Has a bucket keep versions of what is overwritten or deleted from now on, or no more. Requests that write wait
    until it holds. Versions that there are stay until they are deleted."""
    services.storage.buckets.set_versioning(request.principal.tenant, request.path.bucket, enabled=request.body.enabled)
    return VersioningOut()


@routes.get(
    "/storage/cluster/status",
    permission=STORAGE_READ,
    answer=ClusterOut,
    summary="Get the status of the storage",
)
def get_storage_status(_request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> ClusterOut:
    """Tells where objects are: at S3, in one region."""
    region, now = services.storage.region, services.platform.clock.now()
    node = NodeOut(
        id=named_uuid("region", region),
        address=f"s3.{region}.amazonaws.com",
        data_dir=region,
        last_seen=to_seconds_text(now),
    )
    return ClusterOut(nodes=(node,))

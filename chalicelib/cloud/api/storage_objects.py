"""Objects in buckets. Bytes of small ones go through this API, once; those of large ones between caller and S3."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.storage_models import (
    BucketPath,
    ObjectOut,
    ObjectPath,
    ObjectsQuery,
    VersionQuery,
    VersionsQuery,
)
from chalicelib.cloud.permissions import STORAGE_DELETE, STORAGE_READ, STORAGE_WRITE
from chalicelib.cloud.storage.buckets import Location
from chalicelib.cloud.storage.model import Page, Stored
from chalicelib.cloud.storage.rules import CHECKSUM_HEADER, INLINE_BYTES, disposition, named_uuid
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import bad_request
from chalicelib.kit.listing import ListPage
from chalicelib.kit.tables import ActedOn
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Content, Created, Endpoints, NoContent, Paginated, Redirect, Request
from chalicelib.web.validation import NoBody, NoQuery, RawBody

routes = Endpoints(tag="Objects", auth=USER, scope=Scope.TENANT)

TOO_LARGE = "send it to S3 by a link of POST /storage/presign, above 5 GiB in parts of POST /storage/multipart/init"
_BYTES = "application/octet-stream"


@routes.get(
    "/storage/{bucket}",
    permission=STORAGE_READ,
    answer=ObjectOut,
    paginated=True,
    errors=(404, 409),
    summary="List objects",
)
def list_objects(request: Request[BucketPath, ObjectsQuery, NoBody], services: Cloud) -> Paginated:
    """Lists the objects of a bucket by key, a thousand at most; `meta.next_token` leads to the next. S3 tells neither
    content type nor checksum in a list."""
    asked, tenant, bucket = request.query, request.principal.tenant, request.path.bucket
    after = None if asked.next_token is None else _from_token(asked.next_token)
    location, page = services.storage.objects.page(tenant, bucket, asked.prefix, after, asked.page_size)
    return _paginated(location, tenant, page, asked.page_size)


@routes.put(
    "/storage/{bucket}/{key+}",
    permission=STORAGE_WRITE,
    audit="object.upload",
    answer=ObjectOut,
    status=201,
    max_body_bytes=INLINE_BYTES,
    too_large=TOO_LARGE,
    errors=(404, 409),
    summary="Store an object",
)
def put_object(request: Request[ObjectPath, NoQuery, RawBody], services: Cloud) -> Created:
    """Stores the bytes of the body, up to 4 MiB, regardless of the request's content type: the first 512 bytes tell
    it. 409 if they have another SHA-256 than the header `X-Content-Sha256` says."""
    path, by = request.path, request.principal
    content, checksum = request.incoming.body_bytes(), request.incoming.header(CHECKSUM_HEADER.lower())
    location, stored = services.storage.objects.put(
        by.tenant, path.bucket, path.key, content, checksum, lambda at: _note(services, at, path.key)
    )
    return Created(show(location, by.tenant, stored, by.user))


@routes.get(
    "/storage/{bucket}/{key+}",
    permission=STORAGE_READ,
    media_type="*/*",
    example="the bytes of the object",
    empty=(307,),
    errors=(404, 409),
    summary="Read an object",
)
def get_object(request: Request[ObjectPath, VersionQuery, NoBody], services: Cloud) -> Content | Redirect:
    """Returns the bytes of an object; those above 4 MiB by 307 to an address at S3, which can be used for five minutes.
    The headers `x-content-sha256` and `x-version-id` tell its checksum, if S3 knows it, and its version."""
    path = request.path
    found = services.storage.objects.open(request.principal.tenant, path.bucket, path.key, request.query.version)
    stored, content = found.opened.stored, found.opened.content
    if content is None:
        return Redirect(found.link or "")
    told = {"x-content-sha256": stored.checksum, "x-version-id": stored.version}
    headers = {"content-disposition": disposition(path.key), **{name: each for name, each in told.items() if each}}
    return Content(content, stored.media_type or _BYTES, headers)


@routes.delete(
    "/storage/{bucket}/{key+}",
    permission=STORAGE_DELETE,
    audit="object.delete",
    status=204,
    errors=(404, 409),
    summary="Delete an object",
)
def delete_object(request: Request[ObjectPath, VersionQuery, NoBody], services: Cloud) -> NoContent:
    """Deletes an object; in a bucket that keeps versions they stay. With `versionId` this version goes for good; that
    of a deletion's mark undoes the deletion."""
    path = request.path
    services.storage.objects.delete(
        request.principal.tenant,
        path.bucket,
        path.key,
        request.query.version,
        lambda at: _note(services, at, path.key),
    )
    return NoContent()


@routes.get(
    "/storage/versions/{bucket}/{key+}",
    permission=STORAGE_READ,
    answer=ObjectOut,
    paginated=True,
    errors=(404, 409),
    summary="List versions of an object",
)
def list_object_versions(request: Request[ObjectPath, VersionsQuery, NoBody], services: Cloud) -> Paginated:
    """Lists the versions of an object, the newest first, among them the marks of its deletions (`deleted_at`). None for
    an object that never was."""
    asked, tenant, path = request.query, request.principal.tenant, request.path
    location, page = services.storage.objects.versions(tenant, path.bucket, path.key, asked.next_token, asked.page_size)
    items = [show(location, tenant, each) for each in page.objects]
    return Paginated(items, _by_token(asked.page_size, page.next_token), may_be_fewer=False)


def show(location: Location, tenant: str, stored: Stored, user: str = "") -> ObjectOut:
    """An object as the API shows it. ``user`` has just stored it."""
    bucket, at = location.bucket.name, to_seconds_text(stored.at)
    version = stored.version
    suffix = f"?versionId={version}" if location.has_versions and version else ""
    return ObjectOut(
        id=named_uuid(location.bucket.id, stored.key),
        user_id=user or None,
        tenant_id=tenant,
        arn=f"arn:thecloud:storage:local:{tenant}:object/{bucket}/{stored.key}{suffix}",
        bucket=bucket,
        key=stored.key,
        version_id=version,
        is_latest=stored.is_latest,
        size_bytes=stored.size,
        content_type=stored.media_type,
        checksum=stored.checksum,
        created_at=at,
        deleted_at=at if stored.is_marker else None,
    )


def _note(services: Cloud, location: Location, key: str) -> None:
    services.platform.audit.note(
        ActedOn("object", named_uuid(location.bucket.id, key), f"{location.bucket.name}/{key}")
    )


def _paginated(location: Location, tenant: str, page: Page, size: int) -> Paginated:
    token = None if page.next_token is None else _to_token(page.next_token)
    return Paginated([show(location, tenant, each) for each in page.objects], _by_token(size, token))


def _by_token(size: int, token: str | None) -> ListPage[ObjectOut]:
    return ListPage(items=[], page=0, page_size=size, total_count=0, by_cursor=True, next_cursor=token)


def _to_token(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _from_token(token: str) -> str:
    try:
        key = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)).decode()
    except ValueError:
        key = ""
    if not key or _to_token(key) != token:
        raise bad_request({"next_token": ["is none of this list's"]})
    return key

"""Uploads in parts, and links."""

from contextlib import AbstractContextManager, nullcontext

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.storage_models import (
    LinkCreate,
    LinkOut,
    ObjectOut,
    ObjectPath,
    PartOut,
    PartQuery,
    UploadOut,
    UploadPath,
)
from chalicelib.cloud.api.storage_objects import show
from chalicelib.cloud.permissions import STORAGE_DELETE, STORAGE_READ, STORAGE_WRITE
from chalicelib.cloud.storage.links import Link, LinkRequest
from chalicelib.cloud.storage.model import Upload
from chalicelib.cloud.storage.rules import CHECKSUM_HEADER, INLINE_BYTES, named_uuid
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, bad_request
from chalicelib.kit.tables import ActedOn
from chalicelib.platform.access.denials import holding_denials
from chalicelib.platform.access.principal import Facts, Principal, Resource, Scope, decide
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoQuery, RawBody

routes = Endpoints(tag="Uploads and links", auth=USER, scope=Scope.TENANT)

TOO_LARGE = "send it to S3 by a link of POST /storage/presign for this upload and part"


@routes.post(
    "/storage/presign/{bucket}/{key+}",
    permission=STORAGE_READ,
    audit="object.presign",
    answer=LinkOut,
    body_required=False,
    errors=(404, 409),
    repeats="a link changes nothing and ends by itself",
    summary="Make a link to an object",
)
def presign_object(request: Request[ObjectPath, NoQuery, LinkCreate], services: Cloud) -> LinkOut:
    """Makes an address at S3 with which anyone can read the object, or with `PUT` write it, for an hour at most:
    `expires_at` tells. A link to write needs `storage:write` too; `size_bytes` and `checksum` bind it to certain bytes.
    With `upload_id` and `part` it writes a part of an upload, of up to 5 GiB, and `checksum` is required."""
    path, body, by = request.path, request.body, request.principal
    wanted = _wanted(body)
    facts = {"address": request.address, "time": to_seconds_text(services.platform.clock.now())}
    with _writing(by, path, facts) if wanted.method == "PUT" else nullcontext():
        link = services.storage.links.make(by.tenant, path.bucket, path.key, wanted)
    services.platform.audit.note(
        ActedOn("object", named_uuid(link.bucket_id, path.key), f"{wanted.method} {path.bucket}/{path.key}")
    )
    return _show_link(link)


@routes.post(
    "/storage/multipart/init/{bucket}/{key+}",
    permission=STORAGE_WRITE,
    audit="upload.init",
    answer=UploadOut,
    status=201,
    errors=(404, 409),
    summary="Begin an upload in parts",
)
def begin_upload(request: Request[ObjectPath, NoQuery, NoBody], services: Cloud) -> Created:
    """Begins an upload of one object in parts: 10,000 at most, each but the last of 5 MiB to 5 GiB. An upload that is
    not completed within seven days ends."""
    path, by = request.path, request.principal
    return request.once(
        lambda: services.storage.uploads.begin(by, path.bucket, path.key),
        lambda upload: Created(_show(upload, by.tenant)),
    )


@routes.put(
    "/storage/multipart/upload/{upload_id}/parts",
    permission=STORAGE_WRITE,
    audit="upload.put_part",
    answer=PartOut,
    max_body_bytes=INLINE_BYTES,
    too_large=TOO_LARGE,
    contract_path="/storage/multipart/upload/{id}/parts",
    errors=(404, 409),
    summary="Send a part",
)
def put_part(request: Request[UploadPath, PartQuery, RawBody], services: Cloud) -> PartOut:
    """Stores the body as a part, or replaces it. Since S3 takes no part below 5 MiB but the last, and this API no body
    above 4 MiB, larger parts go to S3 by links of `POST /storage/presign`. 409 as for objects."""
    upload_id, by = request.path.upload_id, request.principal
    content, checksum = request.incoming.body_bytes(), request.incoming.header(CHECKSUM_HEADER.lower())
    uploads, number = services.storage.uploads, request.query.part
    services.platform.audit.note(ActedOn("upload", upload_id, f"part {number}"))
    part = uploads.put_part(by.tenant, upload_id, number, content, checksum)
    return PartOut(upload_id=upload_id, part_number=part.number, size_bytes=part.size, etag=part.checksum or "")


@routes.post(
    "/storage/multipart/complete/{upload_id}",
    keeps_answer=True,
    permission=STORAGE_WRITE,
    audit="upload.complete",
    answer=ObjectOut,
    errors=(404, 409),
    summary="Complete an upload",
)
def complete_upload(request: Request[UploadPath, NoQuery, NoBody], services: Cloud) -> ObjectOut:
    """Makes the object of all parts that have arrived, by their numbers. 400 if there are none, or one but the last is
    below 5 MiB: it can be sent again."""
    by = request.principal
    return request.once(
        lambda: services.storage.uploads.complete(by, request.path.upload_id),
        lambda made: show(made[0], by.tenant, made[1], by.user),
    )


@routes.delete(
    "/storage/multipart/abort/{upload_id}",
    permission=STORAGE_DELETE,
    audit="upload.abort",
    status=204,
    errors=(404,),
    summary="End an upload",
)
def abort_upload(request: Request[UploadPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Ends an upload that is not completed; its parts go."""
    services.storage.uploads.abort(request.principal.tenant, request.path.upload_id)
    return NoContent()


def _wanted(body: LinkCreate) -> LinkRequest:
    """The link that is asked for. Raises `EdgeError` (bad request) for fields that do not go together."""
    if (body.upload_id is None) != (body.part is None):
        raise bad_request({"part": ["give upload_id and part together"]})
    if body.part is not None and body.checksum is None:
        raise bad_request({"checksum": ["give the SHA-256 of the part's bytes: S3 takes no part of an upload without"]})
    written = {"size_bytes": body.size_bytes, "checksum": body.checksum, "upload_id": body.upload_id}
    for name, value in written.items():
        if body.method == "GET" and value is not None:
            raise bad_request({name: ["is for a link to write: method PUT"]})
    if body.method == "PUT" and body.version_id is not None:
        raise bad_request({"version_id": ["is for a link to read: method GET"]})
    return LinkRequest(
        method=body.method,
        seconds=body.expiry_seconds,
        version=body.version_id,
        size_bytes=body.size_bytes,
        checksum=body.checksum,
        upload_id=body.upload_id,
        part=body.part,
    )


def _writing(by: Principal, path: ObjectPath, facts: Facts) -> AbstractContextManager[None]:
    """The block in which the caller also sees what it may not write to (`denials`). Raises `EdgeError` (forbidden) for
    one that may not write there."""
    resource = Resource(f"storage/{path.bucket}/{path.key}", Scope.TENANT, path.bucket)
    decision = decide(by, STORAGE_WRITE, resource, facts)
    if not decision.is_allowed:
        raise EdgeError(Kind.FORBIDDEN, decision.refusal)
    return holding_denials(by, STORAGE_WRITE, facts)


def _show_link(link: Link) -> LinkOut:
    method = "GET" if link.method == "GET" else "PUT"
    return LinkOut(url=link.url, method=method, expires_at=to_seconds_text(link.expires_at), headers=link.headers)


def _show(upload: Upload, tenant: str) -> UploadOut:
    return UploadOut(
        id=upload.id,
        user_id=upload.user,
        tenant_id=tenant,
        bucket=upload.bucket,
        key=upload.key,
        created_at=upload.inserted_at,
    )

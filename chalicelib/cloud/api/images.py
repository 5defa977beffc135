"""Images of tenants: files of disks that machines are made from."""

from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import Field, RootModel, StringConstraints

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import TENANT_ID, TIME, USER_ID, MessageOut, Sent, Shown
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.images.forms import file_in
from chalicelib.cloud.images.model import IMAGE, ImageStatus, NewImage
from chalicelib.cloud.images.rules import LARGEST_BYTES, LONGEST_URL, image_spec, image_status, key_of, size_gb
from chalicelib.cloud.permissions import IMAGE_CREATE, IMAGE_DELETE, IMAGE_READ
from chalicelib.cloud.storage.rules import INLINE_BYTES
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.fields import about
from chalicelib.kit.tables import ActedOn
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Accepted, Endpoints, Request
from chalicelib.web.validation import NoPath, NoQuery, OneOf, Path, RawBody, Timestamp

routes = Endpoints(tag="Images", auth=USER, scope=Scope.TENANT)

IMAGE_ID = "01a1fd8d-4e69-7b55-8a32-7c2b8d9eaf13"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_SIGNED = {"content-length": "2147483648", "if-none-match": "*"}

TOO_LARGE = "send it to S3 by a link of POST /images/{id}/upload-link, and then this request without a body"

_Word = Annotated[str, MinLen(1), MaxLen(64), StringConstraints(pattern=r"^[A-Za-z0-9._-]+$")]


class ImagePath(Path):
    image_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of an image, the tenant's or a public one.", IMAGE_ID)]


class ImageCreate(Sent):
    """A new image."""

    name: Annotated[_Word, about("Name, by which launches find it: letters, digits, ., - and _.", "web-base")]
    os: Annotated[_Word, about("System; on `ubuntu` and `debian` the agent is installed.", "ubuntu")]
    version: Annotated[_Word, about("Version of the system.", "24.04")]
    description: Annotated[str, MaxLen(255), about("Text for people.", "with nginx")] = ""
    is_public: Annotated[bool, about("Whether all tenants may see it and launch it.", False)] = False


class ImageImport(ImageCreate):
    """A new image, and the address of its file."""

    url: Annotated[
        str,
        MinLen(1),
        MaxLen(LONGEST_URL),
        about(
            "Address of the file, http or https, at a server that sends parts of files (HTTP ranges).",
            "https://images.example.com/web-base.raw",
        ),
    ]


class UploadLinkCreate(Sent):
    """The file that a link shall take."""

    size_bytes: Annotated[int, Ge(1), Le(LARGEST_BYTES), about("Size of the file in bytes.", 2_147_483_648)]
    checksum: Annotated[
        str | None,
        Field(pattern="^[0-9a-fA-F]{64}$"),
        about("SHA-256 of the file in hex; without it, any file of that size.", _SHA256),
    ] = None


class ImageOut(Shown):
    """An image, as it is now."""

    id: Annotated[str, about("UUID of the image.", IMAGE_ID, format="uuid")]
    user_id: Annotated[
        str | None, about("UUID of the user who registered it; null for none, and in other tenants.", USER_ID)
    ]
    tenant_id: Annotated[str, about("UUID of the tenant that has it.", TENANT_ID)]
    name: Annotated[str, about("Name that it was given.", "web-base")]
    description: Annotated[str, about("Text for people.", "with nginx")]
    os: Annotated[str, about("System that is on it.", "ubuntu")]
    version: Annotated[str, about("Version of its system.", "24.04")]
    size_gb: Annotated[int, about("Size of its disk in GB; 0 before it has a file.", 2)]
    source_url: Annotated[
        str | None,
        about("Address from which its file was fetched, without the query; null for none, and in other tenants.", None),
    ]
    file_path: Annotated[str | None, about("Key of its file at S3, where it is for two days; null: none.", None)]
    format: Annotated[str, about("Format of its file: raw, vmdk or vhd; raw before it has one.", "raw")]
    is_public: Annotated[bool, about("Whether other tenants see it.", False)]
    status: Annotated[OneOf[ImageStatus], about("Status, which says when it can be launched.", "ACTIVE")]
    status_reason: Annotated[str | None, about("Why it has failed or waits; null if there is nothing to say.", None)]
    backend_path: Annotated[str | None, about("Id of the image at EC2.", "ami-0abc1234def567890")]
    created_at: Annotated[Timestamp, about("Time at which it was registered.", TIME)]
    updated_at: Annotated[Timestamp, about("Time of its last change.", TIME)]


class ImagesOut(RootModel[tuple[ImageOut, ...]]):
    """The images of the tenant, newest first, and behind them public ones of others."""


class ImageDeletedOut(MessageOut):
    """The answer to a deletion."""

    message: Annotated[str, about("Outcome in words.", "image is being removed")] = "image is being removed"


class ImageUploadedOut(Shown):
    """An upload that was taken."""

    status: Annotated[str, about("Always `uploaded`: the status of the image tells what becomes of it.", "uploaded")]


class UploadLinkOut(Shown):
    """A link that takes one file."""

    url: Annotated[str, about("Address at S3.", "https://images.s3.amazonaws.com/t/i/1?X-Amz-Signature=…")]
    method: Annotated[str, about("Method to use it with: PUT.", "PUT")]
    headers: Annotated[
        dict[str, str],
        about("Headers that have to be sent with the file, as they are signed.", _SIGNED),
    ]
    expires_at: Annotated[
        Timestamp,
        about("Time after which it takes nothing. It ends earlier with the credentials that signed it.", TIME),
    ]


def show_image(image: Resource, tenant: str) -> ImageOut:
    """The image as a tenant sees it."""
    spec = image_spec(image)
    source = spec.file.source if spec.file else None
    return ImageOut(
        id=image.id,
        user_id=(image.owner or None) if image.tenant == tenant else None,
        tenant_id=image.tenant,
        name=image.name,
        description=spec.description,
        os=spec.os,
        version=spec.version,
        size_gb=size_gb(image),
        source_url=source.address if source is not None and image.tenant == tenant else None,
        file_path=key_of(image.tenant, image.id, spec.file.id) if spec.file else None,
        format=spec.file.format if spec.file else "raw",
        is_public=image.is_public,
        status=image_status(image),
        status_reason=image.reason or None,
        backend_path=image.external.get("id"),
        created_at=image.inserted_at,
        updated_at=image.updated_at,
    )


def _new(body: ImageCreate) -> NewImage:
    return NewImage(body.name, body.os, body.version, body.description, body.is_public)


IMAGES = Kind(
    routes=routes,
    collection="/images",
    path=ImagePath,
    one="an image",
    many="images",
    name="image",
    names="images",
    of=lambda services: services.images,
    show=show_image,
    shown=ImageOut,
    read=IMAGE_READ,
    resource=IMAGE,
)
IMAGES.creates(
    ImageCreate,
    lambda services, by, body: services.images.create(by, _new(body)),
    """Registers an image, which is `PENDING` until its file has been uploaded and imported. 400 for a name of an image
    of the installation, 409 where machines are not made at EC2, 429 beyond a hundred images.""",
    show_image,
    permission=IMAGE_CREATE,
)
IMAGES.lists(
    """Lists the images of the tenant, newest first, and behind them the newest hundred public ones of other tenants. A
    new one may take a moment to appear.""",
    lambda services, tenant: services.images.seen_by(tenant),
    ImagesOut,
)
IMAGES.gets("""Returns an image of the tenant, or a public one of another.""")
IMAGES.deletes(
    """Has an image removed, with its file; machines that were made from it stay. 403 for one of another tenant, 409
    while a machine is being made from it.""",
    permission=IMAGE_DELETE,
    answer=ImageDeletedOut,
)


@routes.post(
    "/images/import",
    permission=IMAGE_CREATE,
    audit="image.import",
    is_deferred=True,
    answer=ImageOut,
    status=202,
    errors=(409,),
    summary="Import an image from an address",
)
def import_image(request: Request[NoPath, NoQuery, ImageImport], services: Cloud) -> Accepted:
    """Registers an image whose file, of up to 5 GiB, is fetched from an address and then imported, within a day. The
    file is looked at before: 400 if it is not there, if it is not a raw disk, VMDK or VHD, if its server sends no parts
    of files or names no state of them (`ETag`, `Last-Modified`), and for private addresses. If the file changes
    meanwhile, the image is in `ERROR`. 409 while three files from addresses are being fetched and imported, and
    otherwise as `POST /images`; 429 beyond the quotas of images and storage, and beyond six requests a minute of the
    tenant."""
    by, body = request.principal, request.body
    return request.once(
        lambda: services.images.fetch(by, _new(body), body.url),
        lambda image: Accepted(show_image(image, by.tenant)),
    )


@routes.post(
    "/images/{image_id}/upload",
    permission=IMAGE_CREATE,
    audit="image.upload",
    is_deferred=True,
    answer=ImageUploadedOut,
    body_required=False,
    max_body_bytes=INLINE_BYTES,
    too_large=TOO_LARGE,
    errors=(404, 409),
    summary="Upload the file of an image",
)
def upload_image(request: Request[ImagePath, NoQuery, RawBody], services: Cloud) -> ImageUploadedOut:
    """Takes the file of an image, up to 4 MiB: the body, or the field `file` of a form. Without a body it takes the
    file that came by a link. Its first bytes tell the format: 400 for a file of another
    format than raw, VMDK or VHD. 409 for
    an image that has its file, unless it has failed; 403 for one of another tenant, 429 beyond the quota of storage."""
    tenant, wanted, images = request.principal.tenant, request.path.image_id, services.images
    body = request.incoming.body_bytes()
    if body:
        content = file_in(request.incoming.header("content-type") or "", body)
        return request.once(lambda: images.upload(tenant, wanted, content), _uploaded)
    return request.once(lambda: images.uploaded(tenant, wanted), _uploaded)


@routes.post(
    "/images/{image_id}/upload-link",
    permission=IMAGE_CREATE,
    audit="image.link",
    answer=UploadLinkOut,
    errors=(404, 409),
    contract_path="/images/{id}/upload-link",
    repeats="a link changes nothing and ends by itself",
    summary="Make a link for the file of an image",
)
def link_image(request: Request[ImagePath, NoQuery, UploadLinkCreate], services: Cloud) -> UploadLinkOut:
    """Makes an address at S3 that takes the file of an image, of up to 5 GiB, once and within an hour; S3 answers 412
    if a file came by it already. `POST /images/{id}/upload` without a body then has the last file imported, within a
    day. 409, 403 and 429 as for that; 409 also after ten files of which none was taken."""
    body, wanted = request.body, request.path.image_id
    link = services.images.link(request.principal.tenant, wanted, body.size_bytes, body.checksum)
    services.platform.audit.note(ActedOn(IMAGE, link.image.id, link.image.name))
    return UploadLinkOut(url=link.url, method="PUT", headers=link.headers, expires_at=to_seconds_text(link.expires_at))


def _uploaded(_image: Resource) -> ImageUploadedOut:
    return ImageUploadedOut(status="uploaded")

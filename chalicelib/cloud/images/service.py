"""`Images`: the images of a tenant, and those that other tenants have made public."""

from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol

from chalicelib.cloud.images import rules
from chalicelib.cloud.images.files import NEW, ImageFiles, Looked
from chalicelib.cloud.images.formats import BEGINNING_BYTES, ENDING_BYTES, format_of
from chalicelib.cloud.images.model import IMAGE, ImageFile, ImageSource, ImageSpec, NewImage, Storehouse
from chalicelib.cloud.images.sources import SourceError, Sources, shown_url
from chalicelib.cloud.named import Named, ResourcesOf
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError, Kind, conflict, invalid, rate_limited
from chalicelib.kit.ids import is_id
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.limits.service import Limits
from chalicelib.platform.provisioning.model import Changes, NewResource, Resource, Share
from chalicelib.platform.provisioning.overall import AllResources
from chalicelib.platform.quotas.rules import STORAGE_GB

MOST_IMAGES = 100
"""Images of a tenant at a time."""

MOST_PUBLIC = 100
"""Public images of other tenants in a list, the newest; each is found by its id."""

QUOTA = "images"

LINK_SECONDS = 3_600


class Quotas(Protocol):
    """The part of `platform.quotas` that is used."""

    def used(self, tenant: str, quotas: Sequence[str]) -> Mapping[str, int]: ...


@dataclass(frozen=True)
class FileLink:
    """An address at S3 that takes the file of an ``image``, the headers that have to be sent, and its latest end."""

    image: Resource
    url: str = field(repr=False)
    headers: dict[str, str]
    expires_at: datetime


class Images(Named):
    """An image is also found by its name, if only one has it. ``every`` are the resources of all tenants; ``limit``
    tells how many GB of disks and files a tenant may have, None for any number, and ``quotas`` how many it has;
    ``limits`` counts requests; ``reserved`` are the names of the installation's own images."""

    def __init__(
        self,
        resources: ResourcesOf,
        every: AllResources,
        files: ImageFiles,
        sources: Sources,
        storehouse: Storehouse,
        limit: Callable[[str], int | None],
        quotas: Quotas,
        limits: Limits,
        reserved: Collection[str],
        clock: Clock,
    ) -> None:
        super().__init__(resources, IMAGE, shares_names=True)
        self._every = every
        self._files = files
        self._sources = sources
        self._storehouse = storehouse
        self._limit = limit
        self._quotas = quotas
        self._limits = limits
        self._reserved = reserved
        self._clock = clock

    def create(self, by: Principal, wanted: NewImage) -> Resource:
        """Register an image, which waits for its file. Raises `EdgeError` (validation failed) for a name of the
        installation's, (conflict) where no images are made, (forbidden) for a used up quota."""
        self._check_new(wanted)
        return self._make(by, wanted, None, "image.created")

    def fetch(self, by: Principal, wanted: NewImage, url: str) -> Resource:
        """Register an image whose file is fetched from an address, and have it imported. The file is looked at before.
        Raises `EdgeError` (validation failed) for one that is missing, not a disk, or cannot be fetched in parts,
        (conflict) while too many are fetched, and as `create` does."""
        self._check_new(wanted)
        rules.check_fetched(self.all(by.tenant))
        self._take_look(by.tenant)
        try:
            found = self._sources.look(url)
        except SourceError as error:
            raise invalid("url", str(error)) from None
        rules.check_size(found.size_bytes, "url")
        file = ImageFile(
            id=rules.FETCHED,
            size_bytes=found.size_bytes,
            format=format_of(found.beginning, found.ending, "url"),
            source=ImageSource(address=shown_url(url), mark=found.mark),
        )
        rules.check_fetched(self.all(by.tenant))  # a look takes seconds
        return self._make(by, wanted, file, "image.import", url)

    def _take_look(self, tenant: str) -> None:
        standing = self._limits.of_tenant(tenant, "image.import", rules.IMPORTS_PER_MINUTE)
        if standing.wait_seconds:
            raise rate_limited(standing.wait_seconds)

    def _check_new(self, wanted: NewImage) -> None:
        rules.check_name(wanted.name, self._reserved)
        if not self._storehouse.is_there:
            raise conflict("this installation makes no images: its machines have to be made at EC2 for that")

    def _make(
        self, by: Principal, wanted: NewImage, file: ImageFile | None, operation: str, hidden: str | None = None
    ) -> Resource:
        spec = ImageSpec(
            os=wanted.os,
            version=wanted.version,
            description=wanted.description,
            bucket=self._storehouse.bucket,
            import_role=self._storehouse.import_role,
            file=file,
        )
        return self._resources(by.tenant).create(
            NewResource(
                kind=IMAGE,
                name=wanted.name,
                owner=by.owner,
                spec=spec.model_dump(mode="json"),
                hidden=hidden,
                is_public=wanted.is_public,
                quota=QUOTA,
                limit=MOST_IMAGES,
                shares=() if file is None else (self._share_of(by.tenant, file),),
            ),
            operation,
        )

    def seen_by(self, tenant: str) -> Sequence[Resource]:
        """The images of the tenant, newest first, and behind them the newest public ones of others."""
        public = self._every.published(IMAGE, MOST_PUBLIC)
        others = [each for each in public if each.tenant != tenant and rules.is_published(each)]
        return [*self.all(tenant), *others]

    def get(self, tenant: str, wanted: str) -> Resource:
        """An image of the tenant, or a public one by its id. Raises `EdgeError` (not found), (validation failed) for a
        name or a beginning that several have."""
        try:
            return super().get(tenant, wanted)
        except EdgeError as error:
            image = self._public(wanted.lower()) if error.kind is Kind.NOT_FOUND and is_id(wanted) else None
            if image is None:
                raise
            return image

    def delete(self, tenant: str, wanted: str) -> None:
        """Begin to delete an image; machines that were made from it stay. Raises `EdgeError` (not found), (forbidden)
        for one of another tenant."""
        super().delete(tenant, self._owned(tenant, wanted).id)

    def upload(self, tenant: str, wanted: str, content: bytes) -> Resource:
        """Give an image its file, and have it imported. Raises `EdgeError` (validation failed) for a file that EC2 does
        not import, (conflict) for an image that takes none now, (not found, forbidden)."""
        image = self._owned(tenant, wanted)
        rules.check_takes_file(image)
        looked = Looked(len(content), content[:BEGINNING_BYTES], content[-ENDING_BYTES:], self._clock.now())
        file = _file_of(rules.id_after(image, len(self._came(image))), looked)
        self._check_room(image, file.size_bytes)
        self._files.put(rules.image_spec(image).bucket, rules.key_of(tenant, image.id, file.id), content)
        return self._take(image, file)

    def link(self, tenant: str, wanted: str, size_bytes: int, checksum: str | None) -> FileLink:
        """A link that takes a file of an image, once: it replaces none, and two links may be for the same. Raises
        `EdgeError` (validation failed) for a size that is not taken, (conflict) for an image that takes none now, (not
        found), (forbidden) for another's or a used up quota."""
        rules.check_size(size_bytes)
        image = self._owned(tenant, wanted)
        rules.check_takes_file(image)
        self._check_room(image, size_bytes)
        key = rules.key_of(tenant, image.id, rules.id_after(image, len(self._came(image))))
        url = self._files.link(rules.image_spec(image).bucket, key, size_bytes, checksum, LINK_SECONDS)
        headers = {"content-length": str(size_bytes), "if-none-match": NEW}
        if checksum is not None:
            headers["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(checksum)).decode()
        return FileLink(image, url, headers, self._clock.now() + timedelta(seconds=LINK_SECONDS))

    def uploaded(self, tenant: str, wanted: str) -> Resource:
        """Have the last file imported that came by a link. Raises `EdgeError` (conflict) if there is none, and as
        `upload` does."""
        image = self._owned(tenant, wanted)
        rules.check_takes_file(image)
        came = self._came(image)
        key = rules.key_of(tenant, image.id, came[-1]) if came else ""
        looked = self._files.look(rules.image_spec(image).bucket, key) if came else None
        if looked is None:
            raise conflict("there is no file: send it as the body, or by a link of POST /images/{id}/upload-link first")
        rules.check_age(looked.at, self._clock.now())
        return self._take(image, _file_of(came[-1], looked))

    def _came(self, image: Resource) -> list[str]:
        """The ids of the files that came since one was last taken, in the order of their links. A call of S3 for each,
        and one more."""
        bucket = rules.image_spec(image).bucket

        def is_there(file_id: str) -> bool:
            return self._files.is_there(bucket, rules.key_of(image.tenant, image.id, file_id))

        return list(takewhile(is_there, rules.file_ids(image)))

    def _check_room(self, image: Resource, size_bytes: int) -> None:
        """Before anything is stored: the share is taken with the file, in its transaction. Two reads."""
        used = self._quotas.used(image.tenant, [STORAGE_GB])[STORAGE_GB]
        rules.check_room(image, used, size_bytes, self._limit(image.tenant))

    def _take(self, image: Resource, file: ImageFile) -> Resource:
        share = self._share_of(image.tenant, file)

        def decide(now: Resource) -> Changes:
            rules.check_takes_file(now)
            if now.generation != image.generation:
                raise conflict("another file was uploaded meanwhile")
            spec = rules.image_spec(now).model_copy(update={"file": file})
            return Changes(spec=spec.model_dump(mode="json"), shares=(share,))

        return self._resources(image.tenant).change(IMAGE, image.id, decide, "image.upload")

    def _share_of(self, tenant: str, file: ImageFile) -> Share:
        """The part of the tenant's storage that a file takes."""
        return Share(STORAGE_GB, rules.gb_of(file.size_bytes), self._limit(tenant))

    def _public(self, image_id: str) -> Resource | None:
        """The public image of any tenant."""
        image = self._every.find(IMAGE, image_id)
        return image if image is not None and rules.is_published(image) else None

    def _owned(self, tenant: str, wanted: str) -> Resource:
        image = self.get(tenant, wanted)
        if image.tenant != tenant:
            raise rules.not_owned(image)
        return image


def _file_of(file_id: str, looked: Looked) -> ImageFile:
    rules.check_size(looked.size_bytes)
    return ImageFile(id=file_id, size_bytes=looked.size_bytes, format=format_of(looked.beginning, looked.ending))

"""The rules of images. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta

from chalicelib.cloud.images.model import IMAGE, ImageSpec, ImageStatus
from chalicelib.kit.errors import EdgeError, Kind, conflict, invalid
from chalicelib.platform.provisioning.charging import is_there
from chalicelib.platform.provisioning.model import Charge, Desired, Observation, Resource, State
from chalicelib.platform.quotas.rules import STORAGE_GB, quota_exceeded

GIB = 1024**3

LARGEST_BYTES = 5 * GIB
"""The largest file: S3 takes no more in one go (S3 user guide, "Uploading objects")."""

LONGEST_URL = 2_048
"""Characters of the address of a file."""

KEPT_DAYS = 4
"""Files are removed after these days: EC2 has read them by then, or they were never told of."""

OLDEST = timedelta(days=1)
"""The oldest file that is imported. An import may take a day more, which ends well before the file is removed."""

MOST_FILES = 10
"""Files that an image may have got before one of them is taken."""

STEP, PROGRESS, SIZE_GB, SNAPSHOT = "step", "progress", "size_gb", "snapshot"
"""Facts of an image: how far it has come, in percent while EC2 imports it, the size of its disk, and its snapshot."""

FILED, IMPORTED, REGISTERED = "filed", "imported", "registered"
"""Its steps: the file is there; EC2 has made a snapshot of it; that is an image."""

NOT_THERE = "EC2 has no image of its file: upload the file again"

AGENT_ON = frozenset({"ubuntu", "debian"})
"""The systems on whose images the agent is installed at the first start: the others may lack what it needs."""


def image_spec(image: Resource) -> ImageSpec:
    return ImageSpec.model_validate(image.spec)


def image_status(image: Resource) -> ImageStatus:
    """The status that tenants see: pending until it is an image at EC2."""
    if image.desired is Desired.ABSENT:
        return ImageStatus.DELETING
    if image.state is State.FAILED:
        return ImageStatus.ERROR
    is_made = image.state is State.READY and image_spec(image).file is not None
    return ImageStatus.ACTIVE if is_made else ImageStatus.PENDING


def is_published(image: Resource) -> bool:
    """Whether other tenants see it."""
    return image.is_public and image_status(image) is ImageStatus.ACTIVE


def drifted(image: Resource, observation: Observation) -> str:
    """An image whose file is not an image at EC2 is changed, or has failed where it is at rest."""
    is_there = image_spec(image).file is None or observation.facts.get(STEP) == REGISTERED
    return "" if is_there else NOT_THERE


def size_gb(image: Resource) -> int:
    """The size of its disk as EC2 tells it, before that of its file; 0 without one."""
    file = image_spec(image).file
    return int(image.observed.get(SIZE_GB) or (gb_of(file.size_bytes) if file else 0))


def gb_of(size_bytes: int) -> int:
    """The size in GB, rounded up."""
    return -(-size_bytes // GIB)


def charge_of(image: Resource) -> Charge | None:
    """An image costs by the size of its snapshot while that is there (`charging.is_there`)."""
    is_stored = is_there(image) and image.observed.get(STEP) in {IMPORTED, REGISTERED}
    return Charge(IMAGE, "standard", size_gb(image)) if is_stored else None


FETCHED = "0"
"""The id of a file that an image is made with, before any upload."""

MOST_FETCHED = 3
"""Files of a tenant that come from addresses at a time: each takes a worker for some seconds of a minute."""

IMPORTS_PER_MINUTE = 6
"""Files at addresses that a tenant may have looked at: each look holds a request for as long as its server likes."""


def check_fetched(images: Collection[Resource]) -> None:
    """Raises `EdgeError` (conflict) if as many files of these images come from addresses as may."""
    files = [image_spec(each).file for each in images if image_status(each) is ImageStatus.PENDING]
    if sum(file is not None and file.source is not None for file in files) >= MOST_FETCHED:
        raise conflict(
            f"{MOST_FETCHED} files from addresses are being fetched or imported: wait until one is ACTIVE, or failed"
        )


def file_ids(image: Resource) -> list[str]:
    """The ids of the files that it may get next, in the order of their use. Others after one was taken."""
    return [str(image.generation), *(f"{image.generation}-{number}" for number in range(2, MOST_FILES + 1))]


def id_after(image: Resource, came: int) -> str:
    """The id of the next file after so many. Raises `EdgeError` (conflict) if as many came as may."""
    if came >= MOST_FILES:
        raise conflict(f"{MOST_FILES} files came for it, of which none was imported: register another image")
    return file_ids(image)[came]


def key_of(tenant: str, image_id: str, of_file: str) -> str:
    """The key of a file at S3."""
    return f"{tenant}/{image_id}/{of_file}"


def check_age(at: datetime, now: datetime) -> None:
    """Raises `EdgeError` (conflict) for a file that could be removed before EC2 has read it."""
    if now - at > OLDEST:
        raise conflict(f"the file came {at:%Y-%m-%d %H:%M} UTC, more than a day ago: upload it again")


def check_room(image: Resource, used_gb: int, size_bytes: int, limit_gb: int | None) -> None:
    """Raises `EdgeError` (forbidden) for a file that a tenant which takes so much has no room for; that of the image's
    file before returns with it."""
    if limit_gb is not None and used_gb - image.shares.get(STORAGE_GB, 0) + gb_of(size_bytes) > limit_gb:
        raise quota_exceeded(STORAGE_GB, limit_gb)


def check_name(name: str, reserved: Collection[str]) -> None:
    """Raises `EdgeError` (validation failed) for a name that the installation's own images have."""
    if name in reserved:
        raise invalid("name", f"{name[:64]!r} is an image of the installation: choose another name")


def check_size(size_bytes: int, field: str = "size_bytes") -> None:
    """Raises `EdgeError` (validation failed) for a file that is empty or too large, which ``field`` has brought."""
    if not 0 < size_bytes <= LARGEST_BYTES:
        raise invalid(field, f"the file has {size_bytes} bytes, which is not from 1 to {LARGEST_BYTES}")


def check_takes_file(image: Resource) -> None:
    """Raises `EdgeError` (conflict) for an image that takes no file now."""
    status = image_status(image)
    if status is ImageStatus.ERROR or (status is ImageStatus.PENDING and image_spec(image).file is None):
        return
    if status is ImageStatus.PENDING:
        raise conflict("its file is being imported: wait until it is ACTIVE, or has failed")
    raise conflict(f"an image that is {status} takes no file: register another image")


def check_launchable(image: Resource, disk_gb: int) -> None:
    """Raises `EdgeError` (conflict) for an image that is not active, or that is larger than the disk of the type."""
    status = image_status(image)
    if status is not ImageStatus.ACTIVE:
        raise conflict(f"the image {image.name} is {status}: it has to be ACTIVE")
    if size_gb(image) > disk_gb:
        raise conflict(
            f"the image {image.name} has {size_gb(image)} GB, and the type a disk of {disk_gb} GB: use a larger type"
        )


def not_owned(image: Resource) -> EdgeError:
    """The refusal to change a public image of another tenant."""
    return EdgeError(Kind.FORBIDDEN, f"the image {image.name} belongs to another tenant")

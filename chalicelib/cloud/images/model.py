"""Images: what was asked for, their files, and the states that tenants see."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

IMAGE = "image"
"""The name of the kind of resource."""


ROOT_DEVICE = "/dev/xvda"
"""The name under which an image has its disk."""


class ImageSource(BaseModel, frozen=True):
    """A file at an address. ``address`` is without the query, which may hold a signature: the whole one is what the row
    hides (`Resource.hidden`). ``mark`` tells the file from what may be there later: its ETag or the time of its change,
    as the server sends it."""

    address: str
    mark: str


class ImageFile(BaseModel, frozen=True):
    """A file at S3 that is made into an image. ``id`` tells it from others of the same image; ``format`` is a word of
    EC2's. ``source`` is where it is fetched from, None for one that was uploaded."""

    id: str
    size_bytes: int
    format: str
    source: ImageSource | None = None


class ImageSpec(BaseModel, frozen=True):
    """An image as it was asked for: `Resource.spec`. ``bucket`` has its file, ``import_role`` is the name of the role
    with which EC2 reads it. ``file`` is None before it has one."""

    os: str
    version: str
    description: str = ""
    bucket: str
    import_role: str
    file: ImageFile | None = None


class ImageStatus(StrEnum):
    """The status of an image: `ACTIVE` ones can be launched; one in `ERROR` takes another file."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    ERROR = "ERROR"
    DELETING = "DELETING"


@dataclass(frozen=True)
class NewImage:
    """An image as a tenant asks for it."""

    name: str
    os: str
    version: str
    description: str = ""
    is_public: bool = False


@dataclass(frozen=True)
class Storehouse:
    """The bucket of files, and the role with which EC2 reads them; "" where this installation imports none."""

    bucket: str
    import_role: str

    @property
    def is_there(self) -> bool:
        return bool(self.bucket and self.import_role)

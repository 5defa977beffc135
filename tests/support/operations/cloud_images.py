"""The cloud's operations on images."""

from typing import Any

from chalicelib.cloud.images.model import NewImage
from chalicelib.platform.access.principal import Principal, PrincipalKind
from tests.support.disks import RAW
from tests.support.fakes.file_server import URL
from tests.support.operations.table import Options

NOTHING = "01900000-0000-7000-8000-0000000000fd"

VARIABLES = {"image_id": NOTHING}

BODIES: dict[str, Any] = {
    "create_image": {"name": "web-base", "os": "ubuntu", "version": "24.04"},
    "import_image": {"name": "web-base", "os": "ubuntu", "version": "24.04", "url": URL},
    "link_image": {"size_bytes": len(RAW)},
}

_BY = Principal(id="key-of-a-test", kind=PrincipalKind.KEY)


def _an_image(scene: Any) -> Options:
    made = scene.cloud.images.create(_BY, NewImage("web-base", "ubuntu", "24.04"))
    scene.variables["image_id"] = made.id
    return {}


def _a_file_for_an_image(scene: Any) -> Options:
    _an_image(scene)
    return {"body": RAW}


def _as_it_is(_: Any) -> Options:
    return {}


PREPARED: dict[str, Any] = {
    "create_image": _as_it_is,
    "list_images": _as_it_is,
    "get_image": _an_image,
    "delete_image": _an_image,
    "upload_image": _a_file_for_an_image,
    "link_image": _an_image,
    "import_image": _as_it_is,
}

"""The images that machines of the cloud can be made from. Pure.

A public parameter of AWS names the newest image of each, in every region. Tenants have images of their own beside.
"""

from dataclasses import dataclass

from chalicelib.cloud.images import rules
from chalicelib.cloud.images.model import ROOT_DEVICE
from chalicelib.kit.errors import EdgeError, invalid
from chalicelib.platform.provisioning.model import Resource
from chalicelib.platform.provisioning.store import EXTERNAL_ID


@dataclass(frozen=True)
class MachineImage:
    """An image. ``agent``: it has a Python that the agent supports. ``hibernates``: its machines can keep their memory
    while they are off (EC2 user guide, "Prerequisites for EC2 instance hibernation"). It is named by a public parameter
    of AWS, or by its id at EC2; ``source`` is the resource that it is of the same tenant."""

    name: str
    image_parameter: str
    root_device: str
    image_id: str = ""
    source: str = ""
    agent: bool = True
    hibernates: bool = False


_CANONICAL = "/aws/service/canonical/ubuntu/server/{}/stable/current/amd64/hvm/{}/ami-id"

_UBUNTU = MachineImage("ubuntu-24.04", _CANONICAL.format("24.04", "ebs-gp3"), "/dev/sda1")
_OLD_UBUNTU = MachineImage(
    "ubuntu-22.04", _CANONICAL.format("22.04", "ebs-gp2"), "/dev/sda1", agent=False, hibernates=True
)
_DEBIAN = MachineImage("debian-12", "/aws/service/debian/release/12/latest/amd64", "/dev/xvda")

_BY_NAME = {
    **dict.fromkeys(("ubuntu-24.04", "ubuntu:24.04", "ubuntu", "ubuntu:latest"), _UBUNTU),
    **dict.fromkeys(("ubuntu-22.04", "ubuntu:22.04"), _OLD_UBUNTU),
    **dict.fromkeys(("debian-12", "debian:12", "debian", "debian:latest"), _DEBIAN),
}


NAMES = tuple(_BY_NAME)


def image_named(name: str) -> MachineImage | None:
    """The image of that name, or None."""
    return _BY_NAME.get(name)


def unknown_image(name: str) -> EdgeError:
    """The error for a name that no image has."""
    return invalid("image", f"{name[:256]!r} is none: it is one of {', '.join(NAMES)}, or an image of the tenant")


def image_of(image: Resource, tenant: str, disk_gb: int) -> MachineImage:
    """The image that a resource is, for a machine of a tenant with such a disk. Raises `EdgeError` (conflict) for one
    that is not active, or is larger than the disk."""
    rules.check_launchable(image, disk_gb)
    agent = rules.image_spec(image).os.lower() in rules.AGENT_ON
    source = image.id if image.tenant == tenant else ""
    return MachineImage(image.name, "", ROOT_DEVICE, image.external[EXTERNAL_ID], source, agent=agent)

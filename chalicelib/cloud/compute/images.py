"""The images that machines of the cloud can be made from. Pure.

A public parameter of AWS names the newest image of each, in every region.
"""

from dataclasses import dataclass

from chalicelib.kit.errors import invalid


@dataclass(frozen=True)
class MachineImage:
    """An image. ``agent``: it has a Python that the agent supports. ``hibernates``: its machines can keep their memory
    while they are off (EC2 user guide, "Prerequisites for EC2 instance hibernation")."""

    name: str
    image_parameter: str
    root_device: str
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


def image_named(name: str) -> MachineImage:
    """Raises `EdgeError` (validation failed) for a name that no image has."""
    found = _BY_NAME.get(name)
    if found is None:
        raise invalid("image", f"{name[:256]!r} is none: it is one of {', '.join(_BY_NAME)}")
    return found

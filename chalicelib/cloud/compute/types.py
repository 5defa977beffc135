"""The instance types: how large a machine is, and what it costs. Pure.

Names, sizes and prices are those of the published API; the prices stand in `platform.billing.prices` too, from which
bills are made (a test compares them). ``machine_type`` is the type at EC2 that has at least the same size.
"""

from dataclasses import dataclass

from chalicelib.kit.errors import EdgeError, invalid

MBPS = 1_000

DEFAULT_TYPE = "basic-2"

ARCHITECTURE = "x86_64"


@dataclass(frozen=True)
class InstanceType:
    """A size of machines. ``price_per_hour`` is in US dollars."""

    id: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    price_per_hour: str
    machine_type: str

    @property
    def category(self) -> str:
        """The first part of its name."""
        return self.id.partition("-")[0]


TYPES = (
    InstanceType("basic-1", 1, 512, 8, "0.005", "t3.nano"),
    InstanceType("basic-2", 1, 1_024, 10, "0.01", "t3.micro"),
    InstanceType("standard-1", 2, 2_048, 20, "0.02", "t3.small"),
    InstanceType("standard-2", 2, 4_096, 40, "0.04", "t3.medium"),
    InstanceType("standard-4", 4, 8_192, 80, "0.08", "c6i.xlarge"),
    InstanceType("performance-1", 4, 16_384, 160, "0.16", "m5.xlarge"),
    InstanceType("performance-2", 8, 32_768, 320, "0.32", "m5.2xlarge"),
)

_ALIASES = {"basic-4": "standard-2"}
"""Names that are shown in the published reference and that its list of types does not have."""

_BY_ID = {one.id: one for one in TYPES}


def type_named(name: str) -> InstanceType:
    """Raises `EdgeError` (validation failed) for a name that no type has."""
    found = _BY_ID.get(_ALIASES.get(name, name))
    if found is None:
        raise unknown_type(name)
    return found


def unknown_type(name: str) -> EdgeError:
    return invalid("instance_type", f"{name[:64]!r} is none: it is one of {', '.join(_BY_ID)}")

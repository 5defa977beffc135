"""The rules for requests about clusters. Pure: request in, decision or `EdgeError` out."""

from ipaddress import IPv6Network

from chalicelib.fleet.clusters.model import IPV6_PREFIX
from chalicelib.fleet.clusters.ranges import SMALLEST_PREFIX, AddressRange
from chalicelib.kit.errors import EdgeError, Kind, conflict, invalid, taken
from chalicelib.setting_types import RESERVED_CLUSTER_NAME

_RESERVED_FIRST_OCTETS = frozenset({0, 10, 127, 169, 172, 192}) | frozenset(range(224, 256))
"""Whole first octets, as the reference refuses them, and besides them all of multicast and 240/4, where it refuses
only 224, 240 and 255."""

_LOCAL_IPV6 = IPv6Network("fd00::/8")
"""Unique local addresses (RFC 4193)."""


def check_name(name: str) -> None:
    """Raises `EdgeError` (validation failed) for the reserved name."""
    if name == RESERVED_CLUSTER_NAME:
        raise invalid("name", "is reserved")


def parse_range(cidr: str) -> AddressRange:
    """The range that an operator asks for, host bits dropped. Raises `EdgeError` (validation failed)."""
    try:
        wanted = AddressRange.of_cidr(cidr)
    except ValueError as error:
        raise invalid("ipv4_range", "invalid CIDR format") from error
    if not _RESERVED_FIRST_OCTETS.isdisjoint(wanted.first_octets):
        raise invalid("ipv4_range", "cannot use private, loopback, link-local, or multicast ranges")
    if wanted.prefix > SMALLEST_PREFIX:
        raise invalid("ipv4_range", f"prefix /{wanted.prefix} is too small — minimum is /{SMALLEST_PREFIX} (4 IPs)")
    return wanted


def parse_ipv6_range(text: str) -> str:
    """The canonical text of the IPv6 range that an operator asks for. Raises `EdgeError` (validation failed)."""
    try:
        network = IPv6Network(text, strict=False)
    except ValueError as error:
        raise invalid("ipv6_range", f"{text!r} is no range of IPv6 addresses: fd12:3456:789a:1::/64 is one") from error
    if network.prefixlen != IPV6_PREFIX or not network.subnet_of(_LOCAL_IPV6):
        raise invalid("ipv6_range", f"{network} must be a /64 in {_LOCAL_IPV6}, as fd12:3456:789a:1::/64")
    return str(network)


def check_capacity(node_limit: int | None, prefix: int, reserved_slots: int) -> None:
    """Check that the limit does not exceed the range's capacity. Raises `EdgeError` (validation failed)."""
    addresses = 2 ** (32 - prefix)
    ceiling = max(0, addresses - reserved_slots)
    if node_limit is not None and node_limit > ceiling:
        raise invalid(
            "node_limit",
            f"cannot exceed {ceiling} for /{prefix} ({addresses} IPs minus {reserved_slots} reserved slots)",
        )


class BelowCountError(EdgeError):
    """Refusal of a limit that the cluster's nodes already exceed."""

    def __init__(self, text: str) -> None:
        super().__init__(Kind.VALIDATION_FAILED, "Validation failed", {"node_limit": [text]})
        self.text = text


def below_count(node_count: int) -> BelowCountError:
    """Refusal of a limit that this many nodes exceed."""
    return BelowCountError(f"cannot be less than current node count ({node_count})")


def limit_conflict(error: EdgeError) -> EdgeError:
    """The same refusal as a conflict with the cluster's state."""
    return conflict(f"node_limit {error.text}" if isinstance(error, BelowCountError) else error.message)


def name_taken() -> EdgeError:
    return taken("name")


def overlapping(cidr: str) -> EdgeError:
    """Refusal of a range, named as the operator wrote it."""
    return conflict(f"{cidr} overlaps with an existing cluster range")


def not_empty(node_count: int) -> EdgeError:
    """Refusal to delete a cluster that still has nodes."""
    return conflict(f"cannot delete cluster with {node_count} node(s) - remove all nodes first")

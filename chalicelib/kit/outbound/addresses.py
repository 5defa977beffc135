"""The addresses to which a request with a user's URL may go: global unicast only.

The ranges are listed here instead of using ``ipaddress.is_global``, whose answer depends on Python's patch version; a
test checks that this table is at least as strict. Sources: the IANA registries of special-purpose addresses and of IPv6
unicast assignments. Ranges allocated in future are denied until they are added here.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

GLOBAL_RANGES = ("0.0.0.0/0", "2000::/3")
"""The blocks of global unicast addresses; for IPv6, the one block that IANA assigns."""

DENIED_RANGES: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network; Linux takes 0.0.0.0 for itself"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared address space: carriers, VPNs, metadata services of some clouds"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "Azure's host: a public number that leads to the machine's own platform"),
    ("169.254.0.0/16", "link-local: metadata services"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments, metadata services of some clouds"),
    ("192.0.2.0/24", "documentation: nothing public is there, a private network may be"),
    ("192.31.196.0/24", "name servers' anycast sinks (AS112)"),
    ("192.52.193.0/24", "multicast tunnels (AMT)"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "name servers' anycast sinks (AS112)"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, broadcast"),
    ("2001::/23", "protocol assignments, Teredo: leads to any IPv4 address"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4: leads to any IPv4 address"),
    ("2620:4f:8000::/48", "name servers' anycast sinks (AS112)"),
    ("3fff::/20", "documentation"),
)
"""Ranges within those blocks that are not global unicast, with the reason. IPv4-mapped addresses (``::ffff:0:0/96``)
are judged by the IPv4 address that they hold; every other form that embeds one, NAT64 among them, lies outside 2000::/3
or is listed here."""

_GLOBAL = tuple(ip_network(cidr) for cidr in GLOBAL_RANGES)
_DENIED = tuple(ip_network(cidr) for cidr, _ in DENIED_RANGES)
_MAPPED = IPv6Network("::ffff:0:0/96")


def is_denied(address: str) -> bool:
    """Whether sending to the address is denied. An address with an IPv6 zone is always denied: zones are link-local.
    Raises ValueError for text that is not an address."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return True
        if parsed in _MAPPED:
            parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
    return not any(parsed in network for network in _GLOBAL) or any(parsed in network for network in _DENIED)

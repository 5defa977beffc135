"""Addresses that a request made for a stranger may go to: global unicast, and nothing else.

Written down range by range, and not left to ``ipaddress.is_global``, whose answer changes with Python's patch version;
a test holds this table to be at least as strict. Sources: the IANA registries of special-purpose addresses and of IPv6
unicast assignments. What is allocated anew one day is refused until it stands here.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

GLOBAL_RANGES = ("0.0.0.0/0", "2000::/3")
"""What global unicast addresses are taken from: of IPv6 the one block that IANA gives out."""

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
"""What is inside of those and is not global unicast: range and why. IPv4-mapped addresses (``::ffff:0:0/96``) are
judged by the IPv4 address that they hold; every other form that embeds one, NAT64 among them, lies outside of 2000::/3
or stands here."""

_GLOBAL = tuple(ip_network(cidr) for cidr in GLOBAL_RANGES)
_DENIED = tuple(ip_network(cidr) for cidr, _ in DENIED_RANGES)
_MAPPED = IPv6Network("::ffff:0:0/96")


def is_denied(address: str) -> bool:
    """Whether nothing may be sent there. An IPv6 zone makes it so: zones exist only on links. Raises ValueError for
    text that is no address."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return True
        if parsed in _MAPPED:
            parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
    return not any(parsed in network for network in _GLOBAL) or any(parsed in network for network in _DENIED)

"""Addresses that no request made for a stranger may go to: everything that is not a public unicast address.

Written down range by range, and not left to ``ipaddress.is_global``, whose answer changes with Python's patch version;
a test holds this table to be at least as strict. Sources: the IANA special-purpose registries of IPv4 and IPv6.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

DENIED_RANGES: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network; Linux takes 0.0.0.0 for itself"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared address space: carriers, VPNs, metadata services of some clouds"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local: metadata services"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments, metadata services of some clouds"),
    ("192.0.2.0/24", "documentation: nothing public is there, a private network may be"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, broadcast"),
    ("::/96", "unspecified, loopback, and the old embedding of IPv4"),
    ("64:ff9b::/96", "NAT64: leads to any IPv4 address"),
    ("64:ff9b:1::/48", "NAT64 inside a network"),
    ("100::/64", "discarded"),
    ("2001::/23", "protocol assignments, Teredo: leads to any IPv4 address"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4: leads to any IPv4 address"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "private: metadata services"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local, of old"),
    ("ff00::/8", "multicast"),
)
"""Range and why. IPv4-mapped addresses (``::ffff:0:0/96``) are judged by the IPv4 address that they hold."""

_NETWORKS = tuple(ip_network(cidr) for cidr, _ in DENIED_RANGES)
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
    return any(parsed.version == network.version and parsed in network for network in _NETWORKS)

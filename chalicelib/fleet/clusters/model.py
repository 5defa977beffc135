"""The model of clusters."""

import hashlib
from ipaddress import IPv6Network
from typing import Annotated, Protocol

from annotated_types import MaxLen
from pydantic import BaseModel, Field, StringConstraints

from chalicelib.fleet.vpn.names import network_name
from chalicelib.kit.labels import LABEL_PATTERN

NAME_MAX_LENGTH = 24
"""Leaves room for ``cluster-`` in a network's name of 32 characters."""

ClusterName = Annotated[str, MaxLen(NAME_MAX_LENGTH), StringConstraints(pattern=LABEL_PATTERN)]
"""The name of a cluster: a DNS label of at most 24 characters."""

NODE_LIMIT_MAX = 2**31 - 1
"""The contract's integers have 32 bits."""

SORTABLE = frozenset({"name", "ipv4_range", "node_limit", "inserted_at", "updated_at"})
"""The fields by which a list of clusters can be sorted."""


IPV6_PREFIX = 64

_HASH_BYTES = 7
"""40 bits of a global id and 16 of a subnet id (RFC 4193), behind the byte ``fd``."""


def own_range(cluster_id: str) -> str:
    """The IPv6 range of a cluster for which none was asked: it follows from the cluster's id, so no row need hold
    it."""
    network = bytes([0xFD]) + hashlib.sha256(cluster_id.encode()).digest()[:_HASH_BYTES]
    return str(IPv6Network((network + bytes(8), IPV6_PREFIX)))


class Cluster(BaseModel, frozen=True):
    """``id`` tells a re-created cluster from an older one of the same name; everything public uses ``name``.

    ``node_count`` is exact: it changes in the transaction that adds, moves or removes a node. Those leave
    ``updated_at`` alone, which tells when an operator last changed the cluster. Times are seconds text.
    """

    id: str
    name: str
    ipv4_range: str
    ipv6_chosen: str | None = None
    node_limit: int | None = None
    node_count: int
    inserted_at: str
    updated_at: str
    version: int

    @property
    def ipv6_range(self) -> str:
        """The range that was asked for, or the one that follows from the cluster's id."""
        return self.ipv6_chosen or own_range(self.id)

    @property
    def network_name(self) -> str:
        return network_name(self.name)

    def vpn_domain(self, domain: str) -> str:
        """The DNS suffix of the cluster's nodes below ``domain`` (NETMAKER_DEFAULT_DOMAIN)."""
        return f"{self.network_name}.{domain}"


class Identified(Protocol):
    """Enough of a cluster to tell it from others: what its nodes and keys remember of it."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


class DefaultCluster(BaseModel, frozen=True):
    """The cluster that is made on first use when DEFAULT_CLUSTER_NAME is set."""

    name: ClusterName
    ipv4_range: str | None = None
    node_limit: Annotated[int, Field(ge=1, le=NODE_LIMIT_MAX)] | None = None

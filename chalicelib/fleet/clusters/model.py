"""The model of clusters."""

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


class Cluster(BaseModel, frozen=True):
    """``id`` tells a re-created cluster from an older one of the same name; everything public uses ``name``.

    ``node_count`` is exact: it changes in the transaction that adds, moves or removes a node. Those leave
    ``updated_at`` alone, which tells when an operator last changed the cluster. Times are seconds text.
    """

    id: str
    name: str
    ipv4_range: str
    node_limit: int | None = None
    node_count: int
    inserted_at: str
    updated_at: str
    version: int

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

"""The model of clusters."""

from typing import Annotated, Protocol

from pydantic import BaseModel, Field

NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
"""A DNS label in lower case."""

NAME_MAX_LENGTH = 24
"""Leaves room for ``cluster-`` in a network's name of 32 characters."""

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
        return f"cluster-{self.name}"

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

    name: Annotated[str, Field(pattern=NAME_PATTERN, max_length=NAME_MAX_LENGTH)]
    ipv4_range: str | None = None
    node_limit: Annotated[int, Field(ge=1, le=NODE_LIMIT_MAX)] | None = None

"""Targeting as the operator wrote it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

SHARD = "shard#"
"""Begins the name of a part of a request: one shard of the fleet."""

WHOLE_FLEET = "fleet"
"""Stands in a message for all shards at once. It is not stored in a request: a fleet that is too large for one message
is processed shard by shard."""


class TargetType(StrEnum):
    """How the base set of nodes is named; filters narrow it."""

    ALL = "all"
    NODES = "nodes"
    CLUSTERS = "clusters"


class Targeting(BaseModel, frozen=True):
    """The targets of a request as the operator wrote them, without repetitions in lists. Filters contain public names
    and values in the grammar of lists; None means "not given".
    """

    type: TargetType
    node_ids: tuple[str, ...] | None = None
    cluster_names: tuple[str, ...] | None = None
    node_filters: Mapping[str, Any] | None = None
    cluster_filters: Mapping[str, Any] | None = None


def at_first(parts: Sequence[str]) -> Sequence[str]:
    """The units of work of a new request: its parts, or all shards of the fleet at once."""
    return [WHOLE_FLEET] if parts and all(map(is_shard, parts)) else parts


def is_shard(part: str) -> bool:
    """Whether the part is a shard of the fleet."""
    return part.startswith(SHARD)

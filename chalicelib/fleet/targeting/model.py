"""Targeting as the operator wrote it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

SHARD = "shard#"
"""Begins the name of a part of a request: one shard of the fleet."""

WHOLE_FLEET = "fleet"
"""Stands in a message for all shards at once. It is no part of a request: a fleet too large for one message is worked
on by its shards."""


class TargetType(StrEnum):
    """How the base set of nodes is named; filters narrow it."""

    ALL = "all"
    NODES = "nodes"
    CLUSTERS = "clusters"


class Targeting(BaseModel, frozen=True):
    """Whom a request is for, as the operator wrote it, without repetitions in its lists.

    Filters hold public names and values in the grammar of lists; None means "not given".
    """

    type: TargetType
    node_ids: tuple[str, ...] | None = None
    cluster_names: tuple[str, ...] | None = None
    node_filters: Mapping[str, Any] | None = None
    cluster_filters: Mapping[str, Any] | None = None


def at_first(parts: Sequence[str]) -> Sequence[str]:
    """What a new request is worked on by: its parts, or all shards of the fleet at once."""
    return [WHOLE_FLEET] if parts and all(map(is_shard, parts)) else parts


def is_shard(part: str) -> bool:
    """Whether the part is a shard of the fleet."""
    return part.startswith(SHARD)

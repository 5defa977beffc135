"""Targeting as the operator wrote it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from chalicelib.fleet.reach import Reach

SHARD = "shard#"
"""Begins the name of a part of a request: one shard of the fleet."""

WHOLE_FLEET = "fleet"
"""Stands in a message for all shards at once. It is not stored in a request: a fleet that is too large for one message
is processed shard by shard."""


class TargetType(StrEnum):
    """How the base set of nodes is named; filters narrow it. ``executions``: the nodes of some executions of a
    command, for retries alone."""

    ALL = "all"
    NODES = "nodes"
    CLUSTERS = "clusters"
    EXECUTIONS = "executions"


class Targeting(BaseModel, frozen=True):
    """The targets of a request as the operator wrote them, without repetitions in lists. Filters contain public names
    and values in the grammar of lists; None means "not given". ``command_id`` and ``outcomes`` say which
    executions of which command a retry repeats.

    ``within`` are the ids of the clusters that its writer reaches: nodes of others are left out, also where a node
    moves before its turn comes. None: the writer reaches all.
    """

    type: TargetType
    node_ids: tuple[str, ...] | None = None
    cluster_names: tuple[str, ...] | None = None
    command_id: str | None = None
    outcomes: tuple[str, ...] | None = None
    node_filters: Mapping[str, Any] | None = None
    cluster_filters: Mapping[str, Any] | None = None
    within: tuple[str, ...] | None = None

    def includes(self, cluster_id: str) -> bool:
        """Whether the writer reaches the cluster."""
        return self.within is None or cluster_id in self.within

    def is_within(self, reach: Reach) -> bool:
        """Whether all that the writer reaches is within this reach."""
        return bool(self.within) and reach.covers(self.within or ()) if self.within is not None else reach.is_everywhere

    def is_shown_to(self, reach: Reach) -> bool:
        """Whether callers of this reach see all of a request."""
        return reach.is_everywhere or self.is_within(reach)

    def shown(self, reach: Reach) -> dict[str, Any]:
        """The targeting as callers see it. To those who do not reach all that its writer does, only what it is about is
        shown: ids, names and filters may name what they do not reach."""
        if self.is_shown_to(reach):
            return self.model_dump(mode="json", exclude_none=True, exclude={"within"})
        return {"type": self.type.value}


def at_first(parts: Sequence[str]) -> Sequence[str]:
    """The units of work of a new request: its parts, or all shards of the fleet at once."""
    return [WHOLE_FLEET] if parts and all(map(is_shard, parts)) else parts


def is_shard(part: str) -> bool:
    """Whether the part is a shard of the fleet."""
    return part.startswith(SHARD)

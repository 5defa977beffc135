"""Whom a command or a self-update request is for, as operators write it."""

from typing import Annotated, Any, Literal

from annotated_types import MaxLen

from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.web.list_query import BoolFilter, CountFilter, DateFilter, EnumFilter, TextFilter
from chalicelib.web.validation import Body, Boolean, CountedFirst, NotNull, Uuid

MOST_TARGETS = 2000
"""Node ids or cluster names in one request; `all` and filters serve more."""


class NodeFilters(Body):
    """The filters of the list of nodes."""

    id_type: EnumFilter[Literal["persistent", "random"]] = None
    status: EnumFilter[Literal["healthy", "unhealthy", "unreachable"]] = None
    cluster_name: TextFilter = None
    version: TextFilter = None
    self_update_enabled: BoolFilter = None
    last_seen_at__gte: DateFilter = None
    last_seen_at__lte: DateFilter = None
    inserted_at__gte: DateFilter = None
    inserted_at__lte: DateFilter = None
    updated_at__gte: DateFilter = None
    updated_at__lte: DateFilter = None


class ClusterFilters(Body):
    """The filters of the list of clusters that targeting knows."""

    name: TextFilter = None
    ipv4_range: TextFilter = None
    node_count: CountFilter = None
    node_count__gte: CountFilter = None
    node_count__lte: CountFilter = None
    has_node_limit: BoolFilter = None
    inserted_at__gte: DateFilter = None
    inserted_at__lte: DateFilter = None
    updated_at__gte: DateFilter = None
    updated_at__lte: DateFilter = None


class TargetingIn(Body):
    """Whom it is for: every node, the nodes or those of the clusters that are named, each narrowed by the filters.
    Ids and names that do not exist are refused unless ``allow_missing`` is true."""

    type: Literal["all", "nodes", "clusters"]
    node_ids: Annotated[tuple[Uuid, ...], MaxLen(MOST_TARGETS), CountedFirst()] = ()
    cluster_names: Annotated[tuple[str, ...], MaxLen(MOST_TARGETS), CountedFirst()] = ()
    node_filters: Annotated[NodeFilters | None, NotNull("object")] = None
    cluster_filters: Annotated[ClusterFilters | None, NotNull("object")] = None
    allow_missing: Boolean = False

    def to_targeting(self) -> Targeting:
        """The same, with what was not given left out."""
        return Targeting(
            type=TargetType(self.type),
            node_ids=self.node_ids if "node_ids" in self.model_fields_set else None,
            cluster_names=self.cluster_names if "cluster_names" in self.model_fields_set else None,
            node_filters=_given(self.node_filters),
            cluster_filters=_given(self.cluster_filters),
        )


def _given(filters: Body | None) -> dict[str, Any] | None:
    return None if filters is None else filters.model_dump(exclude_none=True)

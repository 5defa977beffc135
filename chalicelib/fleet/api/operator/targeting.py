"""Whom a command or a self-update request is for, as operators write it."""

from typing import Annotated, Any

from annotated_types import MaxLen

from chalicelib.fleet.api.operator.filters import ClusterFilterFields, NodeFilterFields
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.web.list_query import CountFilter, TimeFilters
from chalicelib.web.validation import Body, Boolean, CountedFirst, NotNull, OneOf, Uuid

MOST_TARGETS = 2000
"""Node ids or cluster names in one request; `all` and filters serve more."""


class NodeFilters(TimeFilters, NodeFilterFields, Body):
    """The filters of the list of nodes."""


class ClusterFilters(TimeFilters, ClusterFilterFields, Body):
    """The filters of the list of clusters that targeting knows."""

    node_count: CountFilter = None


class TargetingIn(Body):
    """Whom it is for: every node, the nodes or those of the clusters that are named, each narrowed by the filters.
    Ids and names that do not exist are refused unless ``allow_missing`` is true."""

    type: OneOf[TargetType]
    node_ids: Annotated[tuple[Uuid, ...], MaxLen(MOST_TARGETS), CountedFirst()] = ()
    cluster_names: Annotated[tuple[str, ...], MaxLen(MOST_TARGETS), CountedFirst()] = ()
    node_filters: Annotated[NodeFilters | None, NotNull("object")] = None
    cluster_filters: Annotated[ClusterFilters | None, NotNull("object")] = None
    allow_missing: Boolean = False

    def to_targeting(self) -> Targeting:
        """The same, with what was not given left out."""
        return Targeting(
            type=self.type,
            node_ids=self.node_ids if "node_ids" in self.model_fields_set else None,
            cluster_names=self.cluster_names if "cluster_names" in self.model_fields_set else None,
            node_filters=_given(self.node_filters),
            cluster_filters=_given(self.cluster_filters),
        )


def _given(filters: Body | None) -> dict[str, Any] | None:
    return None if filters is None else filters.model_dump(mode="json", exclude_none=True)

"""Targeting: the nodes that a command or a self-update request is for."""

from enum import StrEnum
from typing import Annotated, Any

from annotated_types import MaxLen
from pydantic import ConfigDict

from chalicelib.fleet import samples
from chalicelib.fleet.api.operator.filters import ClusterFilterFields, NodeFilterFields
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.fields import about
from chalicelib.web.list_query import (
    CountFilter,
    TimeFilters,
)
from chalicelib.web.validation import Body, Boolean, CountedFirst, NotNull, OneOf, Uuid

MOST_TARGETS = 2000
"""Node ids or cluster names in one request; `all` and filters serve more."""


class BaseSet(StrEnum):
    """The base sets that requests may name."""

    ALL = TargetType.ALL
    NODES = TargetType.NODES
    CLUSTERS = TargetType.CLUSTERS


class NodeFilters(TimeFilters, NodeFilterFields, Body):
    """Conditions on the node itself; all of them have to hold."""


class ClusterFilters(TimeFilters, ClusterFilterFields, Body):
    """Conditions on the node's cluster; all of them have to hold."""

    node_count: Annotated[CountFilter, about("Exactly this number of nodes in the cluster.")] = None


class TargetingIn(Body):
    """The nodes that a request is for: the base set that `type` names, narrowed by the filters."""

    model_config = ConfigDict(json_schema_extra={"example": samples.TARGETING})

    type: Annotated[
        OneOf[BaseSet],
        about("The base set: all nodes, the nodes of `node_ids`, or those of the clusters in `cluster_names`."),
    ]
    node_ids: Annotated[
        tuple[Uuid, ...],
        MaxLen(MOST_TARGETS),
        CountedFirst(),
        about("UUIDs of nodes. Required for the type `nodes`, refused with 422 for others."),
    ] = ()
    cluster_names: Annotated[
        tuple[str, ...],
        MaxLen(MOST_TARGETS),
        CountedFirst(),
        about("Names of clusters. Required for the type `clusters`, refused with 422 for others."),
    ] = ()
    node_filters: Annotated[
        NodeFilters | None, NotNull("object"), about("Keeps only nodes that fulfil these conditions.")
    ] = None
    cluster_filters: Annotated[
        ClusterFilters | None, NotNull("object"), about("Keeps only nodes of clusters that fulfil these conditions.")
    ] = None
    allow_missing: Annotated[
        Boolean, about("Ignore ids and names that do not exist, instead of refusing the request with 422.")
    ] = False

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
    return None if filters is None else filters.model_dump(mode="json", exclude_none=True)

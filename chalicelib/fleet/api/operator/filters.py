"""The filters that lists and targeting share: a request reaches what a list with the same filters shows."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from chalicelib.fleet import labels
from chalicelib.fleet.nodes.model import IdType, Status
from chalicelib.kit.fields import about
from chalicelib.web.list_query import (
    BoolFilter,
    CountFilter,
    DateFilter,
    EnumFilter,
    TextFilter,
    at_least,
    at_most,
    matching,
    since,
    until,
    whether,
)
from chalicelib.web.listed_filters import EachOneOf, TextsFilter, any_of
from chalicelib.web.problems import problems, wrong_type


def _read_labels(value: object) -> str:
    if not isinstance(value, str):
        raise problems(wrong_type("string", value))
    if value:
        try:
            labels.wanted(value)
        except ValueError as error:
            raise problems(str(error)) from error
    return value


LabelFilter = Annotated[str | None, BeforeValidator(_read_labels), WithJsonSchema({"type": "string"})]
"""Labels as ``name:value``, separated by commas."""

CLUSTER_OF_NODE = matching("the name of the node's cluster")


class NodeFilterFields(BaseModel):
    """The filters of nodes, besides those of any list."""

    id_type: Annotated[EnumFilter[IdType], about("Only nodes whose id is of this type.")] = None
    status: Annotated[EnumFilter[Status], about("Only nodes in this state of health.")] = None
    status__in: Annotated[str | None, EachOneOf(Status), any_of("`status`")] = None
    version: Annotated[TextFilter, matching("the version of the node's agent")] = None
    self_update_enabled: Annotated[BoolFilter, whether("nodes that take part in self-updates", "nodes that do not")] = (
        None
    )
    cluster_name: Annotated[TextFilter, CLUSTER_OF_NODE] = None
    hostname: Annotated[TextFilter, matching("the name that the machine gives itself")] = None
    os_name: Annotated[TextFilter, matching("the operating system")] = None
    architecture: Annotated[TextFilter, matching("the processor architecture")] = None
    labels: Annotated[LabelFilter, about("Only nodes with all of these labels.", "env:prod,role:till")] = None
    last_seen_at__gte: Annotated[DateFilter, since("Last seen")] = None
    last_seen_at__lte: Annotated[DateFilter, until("Last seen")] = None


class ClusterFilterFields(BaseModel):
    """The filters of clusters that both know, besides those of any list."""

    name: Annotated[TextFilter, matching("the name of the cluster")] = None
    name__in: Annotated[TextsFilter, any_of("`name`")] = None
    ipv4_range: Annotated[TextFilter, matching("the network of the cluster, in CIDR notation")] = None
    ipv6_range: Annotated[TextFilter, matching("the IPv6 range of the cluster, in CIDR notation")] = None
    has_node_limit: Annotated[BoolFilter, whether("clusters with a node limit", "clusters without one")] = None
    node_count__gte: Annotated[CountFilter, at_least("number of nodes in the cluster")] = None
    node_count__lte: Annotated[CountFilter, at_most("number of nodes in the cluster")] = None

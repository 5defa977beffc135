"""The filters that lists and targeting share: a request reaches what a list with the same filters shows."""

from pydantic import BaseModel

from chalicelib.fleet.nodes.model import IdType, Status
from chalicelib.web.list_query import BoolFilter, CountFilter, DateFilter, EnumFilter, TextFilter


class NodeFilterFields(BaseModel):
    """The filters of nodes, besides those of any list."""

    id_type: EnumFilter[IdType] = None
    status: EnumFilter[Status] = None
    version: TextFilter = None
    self_update_enabled: BoolFilter = None
    cluster_name: TextFilter = None
    last_seen_at__gte: DateFilter = None
    last_seen_at__lte: DateFilter = None


class ClusterFilterFields(BaseModel):
    """The filters of clusters that both know, besides those of any list."""

    name: TextFilter = None
    ipv4_range: TextFilter = None
    has_node_limit: BoolFilter = None
    node_count__gte: CountFilter = None
    node_count__lte: CountFilter = None

"""The model of aliases."""

from pydantic import BaseModel

from chalicelib.fleet.nodes.model import vpn_hostname

MOST_PER_NODE = 50
"""Aliases of one node: they stand on its row too, and all of them leave with it in one transaction of 100 writes."""

SORTABLE = frozenset({"name", "inserted_at", "updated_at"})
"""The fields by which a list of aliases can be sorted."""


class Alias(BaseModel, frozen=True):
    """A name of a node inside its cluster. Never changed. Times are UTC seconds text."""

    id: str
    name: str
    node_id: str
    cluster_id: str
    cluster_name: str
    inserted_at: str
    updated_at: str

    def vpn_hostname(self, domain: str) -> str:
        """The name inside the mesh below ``domain`` (NETMAKER_DEFAULT_DOMAIN)."""
        return vpn_hostname(self.name, self.cluster_name, domain)

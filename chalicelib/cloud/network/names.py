"""The names by which the parts of networks know each other: kinds, claims, and the id of a main route table. Pure.

A target of routes says in its ``spec`` which VPC it is of: ``vpc_id``, or for a peering ``requester_vpc_id`` and
``accepter_vpc_id``.
"""

INTERNET_GATEWAY = "internet_gateway"
ROUTE_TABLE = "route_table"
NAT_GATEWAY = "nat_gateway"
VPC_PEERING = "vpc_peering"
"""The names of the kinds that routes have to do with."""

EVERYWHERE = "0.0.0.0/0"
"""The destination of a default route."""

MAIN = "main"
"""The name of a VPC's main route table, which no other has."""


def main_table_of(vpc_id: str) -> str:
    """The id of the main route table of a VPC: that of the VPC with its last bit flipped."""
    return f"{vpc_id[:-1]}{int(vpc_id[-1], 16) ^ 1:x}"


def gateway_claim(vpc_id: str) -> str:
    """The claim of the one internet gateway that a VPC can have."""
    return f"gateway/{vpc_id}"


def routes_of(table_id: str) -> str:
    """The scope of the claims of a table's routes. The holder of one makes and removes its route: the table itself, an
    internet gateway, or a peering."""
    return f"route:{table_id}"


def route_claim(table_id: str, destination: str) -> str:
    """The claim of the one route that a table can have to a destination."""
    return f"{routes_of(table_id)}/{destination}"

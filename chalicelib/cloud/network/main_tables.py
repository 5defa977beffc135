"""`MainTables`: a VPC has a main route table from when it is asked for until it is gone."""

from chalicelib.cloud.named import ResourcesOf
from chalicelib.cloud.network.model import VPC, VpcSpec
from chalicelib.cloud.network.names import MAIN, ROUTE_TABLE, main_table_of
from chalicelib.cloud.network.routing_model import RouteTableSpec
from chalicelib.platform.provisioning.model import Desired, NewResource, Resource


class MainTables:
    """A main table refers to no VPC by its row, since a VPC that others refer to cannot be deleted."""

    def __init__(self, resources: ResourcesOf) -> None:
        self._resources = resources

    def follow(self, tenant: str, vpc_id: str) -> None:
        """Make the main table of a VPC that shall be there, or have it removed with its VPC. Twice or late it changes
        nothing."""
        own = self._resources(tenant)
        vpc = own.find(VPC, vpc_id)
        if vpc is not None and _is_wanted(vpc):
            if own.find(ROUTE_TABLE, main_table_of(vpc_id)) is None:
                own.create(_main_of(vpc), "route_table.created")
            vpc = own.find(VPC, vpc_id)  # it may have begun to go before its table was there to go with it
        if vpc is None or not _is_wanted(vpc):
            table = own.find(ROUTE_TABLE, main_table_of(vpc_id))
            if table is not None and table.desired is Desired.PRESENT:
                own.delete(ROUTE_TABLE, table.id, "route_table.deleted")


def _is_wanted(vpc: Resource) -> bool:
    return vpc.desired is Desired.PRESENT and not vpc.is_released


def _main_of(vpc: Resource) -> NewResource:
    block = VpcSpec.model_validate(vpc.spec).cidr_block
    return NewResource(
        id=main_table_of(vpc.id),
        kind=ROUTE_TABLE,
        name=MAIN,
        owner=vpc.owner,
        spec=RouteTableSpec(vpc_id=vpc.id, vpc_block=block, is_main=True).model_dump(mode="json"),
    )

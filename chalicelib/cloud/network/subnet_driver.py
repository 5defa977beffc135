"""The driver of subnets at EC2, each with the route table that its row names. None is left to the main table that AWS
has made, to which the installation has no rights."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chalicelib.cloud.ec2_things import Json
from chalicelib.cloud.network.drift import DRIFT
from chalicelib.cloud.network.ec2_routes import RouteCalls, id_at_ec2, main_table_at_ec2, rows_of, subnets_in
from chalicelib.cloud.network.names import main_table_of
from chalicelib.cloud.network.parts import NetworkPart
from chalicelib.cloud.network.routing_errors import ROUTING_ERRORS
from chalicelib.cloud.network.rules import subnet_spec_of
from chalicelib.platform.provisioning.model import Observation, Resource, Seen


class SubnetDriver(NetworkPart):
    """Subnets, in the zone that was asked for, or in one that EC2 chooses."""

    type, describes, many, id, missing = (
        *("subnet", "describe_subnets", "Subnets", "SubnetId"),
        "InvalidSubnetID.NotFound",
    )

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """Two calls for all of them, and one read of each tenant's route tables."""
        seen = super().observe(resources)
        there = [each for each in resources if seen[each.id].seen is Seen.READY]
        associated = self._associated([seen[each.id].external["id"] for each in there])
        tables = rows_of(self._find, ((each.tenant, _table_of(each)) for each in there))
        told = {}
        for each in there:
            known, _ = associated.get(seen[each.id].external["id"], ("", ""))
            fits = known != "" and known == id_at_ec2(tables.get(_table_of(each)))
            facts = {**seen[each.id].facts, DRIFT: "" if fits else _OTHER_TABLE}
            told[each.id] = replace(seen[each.id], facts=facts)
        return {**seen, **told}

    def change(self, resource: Resource, observation: Observation) -> None:
        """Have EC2 use its route table."""
        del observation
        spec, subnet = subnet_spec_of(resource), resource.external["id"]
        if spec.table_id:
            table = self._parent(resource, spec.table_id)
        else:
            table = main_table_at_ec2(self._find, resource.tenant, spec.vpc_id)
        known, association = self._associated([subnet]).get(subnet, ("", ""))
        if known == table:
            return
        with ROUTING_ERRORS.sorted():
            if association:
                self._client.replace_route_table_association(AssociationId=association, RouteTableId=table)
            else:
                self._client.associate_route_table(RouteTableId=table, SubnetId=subnet)

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        spec = subnet_spec_of(resource)
        zone = {"AvailabilityZone": spec.zone} if spec.zone else {}
        answer: Json = self._client.create_subnet(
            VpcId=self._parent(resource, spec.vpc_id), CidrBlock=spec.cidr_block, TagSpecifications=tags, **zone
        )
        return answer["Subnet"]  # type: ignore[no-any-return]

    def _remove(self, thing_id: str) -> None:
        self._client.delete_subnet(SubnetId=thing_id)

    def _facts(self, thing: Json) -> Json:
        return {"zone": str(thing["AvailabilityZone"])}

    def _associated(self, subnets: Sequence[str]) -> dict[str, tuple[str, str]]:
        """The route table of each of these subnets, and the id of the association, by the ids of subnets."""
        return {
            subnet: (str(table["RouteTableId"]), association)
            for table in RouteCalls(self._client, self._stage).tables("association.subnet-id", subnets)
            for subnet, association in subnets_in(table).items()
        }


_OTHER_TABLE = "AWS does not have it associated with its route table: associate it with another table, and then with it"


def _table_of(subnet: Resource) -> str:
    """The id of the row of the route table that a subnet has."""
    spec = subnet_spec_of(subnet)
    return spec.table_id or main_table_of(spec.vpc_id)

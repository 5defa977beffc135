"""The driver of internet gateways at EC2. One that is attached to a VPC is there once it has the default route of the
VPC's main route table as well."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.cloud.ec2_things import FindResources, Json
from chalicelib.cloud.network.drift import DRIFT
from chalicelib.cloud.network.ec2_routes import Claims, RouteCalls, Way, id_at_ec2, main_table_at_ec2, rows_of
from chalicelib.cloud.network.names import EVERYWHERE, main_table_of
from chalicelib.cloud.network.parts import NetworkPart
from chalicelib.cloud.network.routing_errors import NOT_ATTACHED, ROUTING_ERRORS
from chalicelib.cloud.network.routing_model import TargetType
from chalicelib.cloud.network.routing_rules import gateway_spec_of
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, filter_by, tags_of
from chalicelib.platform.provisioning.model import Observation, Resource, Seen

_AGAIN = "detach it, and attach it again"


class InternetGatewayDriver(NetworkPart):
    """EC2 knows a gateway by itself, and attaches it afterwards. ``claims`` reads the claims of a scope."""

    type, describes, many, id, missing = (
        *("internet-gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
        "InvalidInternetGatewayID.NotFound",
    )

    def __init__(self, client: Any, stage: str, find: FindResources, claims: Claims) -> None:
        super().__init__(client, stage, find)
        self._routes, self._claims = RouteCalls(client, stage), claims

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """Two calls for all of them, and one read of each tenant's VPCs with their main tables."""
        things = {tags_of(each)[RESOURCE_TAG]: each for each in self._shown([each.id for each in resources])}
        ways = self._ways([str(each[self.id]) for each in things.values()])
        specs = {each.id: gateway_spec_of(each).vpc_id for each in resources}
        attached = [(each.tenant, specs[each.id]) for each in resources if specs[each.id]]
        rows = rows_of(self._find, [*attached, *((tenant, main_table_of(vpc)) for tenant, vpc in attached)])
        seen = dict.fromkeys(specs, Observation(Seen.MISSING))
        for resource_id, thing in things.items():
            wrong = _wrong(specs[resource_id], thing, ways.get(str(thing[self.id]), ()), rows)
            seen[resource_id] = Observation(Seen.READY, {"id": str(thing[self.id])}, {DRIFT: wrong})
        return seen

    def change(self, resource: Resource, observation: Observation) -> None:
        """Detach it from where it shall not be, then attach it, then make its route."""
        del observation
        gateway, wanted = resource.external["id"], gateway_spec_of(resource).vpc_id
        vpc = id_at_ec2(rows_of(self._find, [(resource.tenant, wanted)]).get(wanted)) if wanted else ""
        ways = self._ways([gateway]).get(gateway, [])
        attached = next((_vpcs_of(each) for each in self._shown([resource.id])), [])
        for other in attached:
            if other != vpc:
                self._release(gateway, other, ways)
        if not wanted:
            self._routes.release(ways, self._claims)
            return
        vpc, main = self._parent(resource, wanted), main_table_at_ec2(self._find, resource.tenant, wanted)
        if vpc not in attached:
            with ROUTING_ERRORS.sorted():
                self._client.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        if (vpc, main, EVERYWHERE) not in {way[:3] for way in ways}:
            self._routes.lead(main, EVERYWHERE, TargetType.IGW, gateway)

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        del resource
        return self._client.create_internet_gateway(TagSpecifications=tags)["InternetGateway"]  # type: ignore[no-any-return]

    def _remove(self, thing_id: str) -> None:
        ways = self._ways([thing_id]).get(thing_id, [])
        for thing in self._described([filter_by("internet-gateway-id", [thing_id])]):
            for vpc in _vpcs_of(thing):
                self._release(thing_id, vpc, ways)
        self._client.delete_internet_gateway(InternetGatewayId=thing_id)

    def _ways(self, gateways: Sequence[str]) -> Mapping[str, list[Way]]:
        return self._routes.ways(TargetType.IGW, gateways)

    def _release(self, gateway: str, vpc: str, ways: Sequence[Way]) -> None:
        """Detach it from a VPC, whose routes to it go: its row could leave the VPC only as no table wanted one."""
        self._routes.release((way for way in ways if way.vpc == vpc), self._claims)
        with ROUTING_ERRORS.sorted():
            try:
                with calling():
                    self._client.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
            except CallRefusedError as error:
                if error.code != NOT_ATTACHED:
                    raise


def _vpcs_of(thing: Json) -> list[str]:
    """The VPCs that a gateway is attached to, or being attached to or detached from."""
    return [str(each["VpcId"]) for each in thing.get("Attachments", ()) if each.get("State") != "detached"]


def _wrong(wanted: str, thing: Json, ways: Sequence[Way], rows: Mapping[str, Resource]) -> str:
    """The difference between a gateway and what its row wants, in words; "" for none."""
    vpcs = [str(each["VpcId"]) for each in thing.get("Attachments", ()) if each.get("State") in _ATTACHED]
    if not wanted:
        return f"AWS still has it attached to a VPC: {_AGAIN}" if _vpcs_of(thing) or ways else ""
    if vpcs != [id_at_ec2(rows.get(wanted))]:
        return f"AWS does not have it attached to its VPC: {_AGAIN}"
    if (vpcs[0], id_at_ec2(rows.get(main_table_of(wanted))), EVERYWHERE) not in {way[:3] for way in ways}:
        return f"the main route table of its VPC has no route to it in AWS: {_AGAIN}"
    return ""


_ATTACHED = frozenset({"available", "attached"})

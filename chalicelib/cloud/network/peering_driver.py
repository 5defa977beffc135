"""The driver of peerings at EC2. See `platform.provisioning.ports.Driver`.

EC2 makes one that waits for an answer, which ends after seven days; an accepted one is there once the main route tables
of both VPCs lead to it. Source: Amazon VPC peering guide, "VPC peering connection lifecycle".
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from chalicelib.cloud.ec2_things import Json
from chalicelib.cloud.network.drift import DRIFT
from chalicelib.cloud.network.ec2_errors import ERRORS
from chalicelib.cloud.network.ec2_routes import RouteCalls, id_at_ec2, main_table_at_ec2, routes_in, rows_of
from chalicelib.cloud.network.names import main_table_of
from chalicelib.cloud.network.parts import NetworkPart
from chalicelib.cloud.network.peering_model import Answer
from chalicelib.cloud.network.peering_rules import peering_spec, routes_of
from chalicelib.cloud.network.routing_model import TargetType
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, tags_of
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, Seen
from chalicelib.platform.provisioning.store import EXTERNAL_ID

_PENDING, _ACTIVE = "pending-acceptance", "active"
_SEEN = {
    "initiating-request": Seen.BECOMING,
    "provisioning": Seen.BECOMING,
    _PENDING: Seen.READY,
    _ACTIVE: Seen.READY,
    "deleting": Seen.ENDING,
    "deleted": Seen.ENDED,
}
_OVER = {
    "expired": "it was not accepted within seven days: delete it, and ask for another one",
    "rejected": "it was rejected in AWS: delete it, and ask for another one",
    "failed": "AWS could not make it: delete it, and ask for another one",
}
"""The states in which nothing is left of it but its description."""

_OVER_CODE = "InvalidStateTransition"
_AGAIN = "delete the peering, and ask for another one"

Routes = Mapping[str, Mapping[str, str]]
"""The routes of main tables: their targets by destination, by the id of the table's resource."""


class PeeringDriver(NetworkPart):
    """Peerings of two VPCs of one account and region."""

    type, describes, many, id, missing = (
        *("vpc-peering-connection", "describe_vpc_peering_connections", "VpcPeeringConnections"),
        *("VpcPeeringConnectionId", "InvalidVpcPeeringConnectionID.NotFound"),
    )

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """Two calls for all of them."""
        things = {tags_of(each)[RESOURCE_TAG]: each for each in self._shown([each.id for each in resources])}
        there = [each for each in resources if each.id in things]
        routes = self._routes_of([each for each in there if peering_spec(each).answer is Answer.ACCEPTED])
        missing = Observation(Seen.MISSING)
        return {each.id: _peering(each, things[each.id], routes) if each in there else missing for each in resources}

    def change(self, resource: Resource, observation: Observation) -> None:
        """Accept it, then make its routes."""
        spec, peering = peering_spec(resource), resource.external[EXTERNAL_ID]
        if spec.answer is not Answer.ACCEPTED:
            return
        mains = {vpc: main_table_at_ec2(self._find, resource.tenant, vpc) for vpc, _ in routes_of(spec)}
        if observation.facts.get("code") == _PENDING:
            with ERRORS.sorted():
                self._client.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        known = self._routes_of([resource])
        for vpc, block in routes_of(spec):
            if known.get(main_table_of(vpc), {}).get(block) != peering:
                self._calls.lead(mains[vpc], block, TargetType.PEERING, peering)

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        spec = peering_spec(resource)
        answer: Json = self._client.create_vpc_peering_connection(
            VpcId=self._parent(resource, spec.requester_vpc_id),
            PeerVpcId=self._parent(resource, spec.accepter_vpc_id),
            TagSpecifications=tags,
        )
        return answer["VpcPeeringConnection"]  # type: ignore[no-any-return]

    def delete(self, resource: Resource) -> None:
        """Remove its routes first: EC2 would keep them, and they would lead nowhere. While the peering has the claims
        of its routes, no other peering has such routes. A lost peering has no claims any more: then only those routes
        are removed that lead to it by EC2's description."""
        spec = peering_spec(resource)
        if spec.answer is Answer.ACCEPTED:
            mains = rows_of(self._find, [(resource.tenant, main_table_of(vpc)) for vpc, _ in routes_of(spec)])
            tables = {main_id: id_at_ec2(row) for main_id, row in mains.items() if not row.is_released}
            there = {main_id: table for main_id, table in tables.items() if table}
            known = self._routes_of([resource]) if resource.is_released else None
            for vpc, block in routes_of(spec):
                main = main_table_of(vpc)
                is_own = known is None or known.get(main, {}).get(block) == resource.external.get(EXTERNAL_ID)
                if is_own and main in there:
                    self._calls.remove(there[main], block)
        super().delete(resource)

    def _remove(self, thing_id: str) -> None:
        try:
            with calling():
                self._client.delete_vpc_peering_connection(VpcPeeringConnectionId=thing_id)
        except CallRefusedError as error:
            if error.code != _OVER_CODE:
                raise

    def _is_left(self, thing: Json) -> bool:
        return _code(thing) in _SEEN and _code(thing) != "deleted"

    @property
    def _calls(self) -> RouteCalls:
        return RouteCalls(self._client, self._stage)

    def _routes_of(self, peerings: Sequence[Resource]) -> Routes:
        """The routes of the main tables of their VPCs."""
        mains = {main_table_of(vpc) for each in peerings for vpc, _ in routes_of(peering_spec(each))}
        routes: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for table in self._calls.tables(f"tag:{RESOURCE_TAG}", sorted(mains)):
            routes[tags_of(table)[RESOURCE_TAG]] |= routes_in(table)
        return routes


def _code(thing: Json) -> str:
    return str(thing["Status"]["Code"])


def _peering(resource: Resource, thing: Json, routes: Routes) -> Observation:
    """The observation of a peering. One that EC2 has ended counts as broken, or as ended where its row wants it
    gone."""
    code, external = _code(thing), {EXTERNAL_ID: str(thing["VpcPeeringConnectionId"])}
    if code in _OVER:
        seen = Seen.ENDED if resource.desired is Desired.ABSENT else Seen.BROKEN
        return Observation(seen, external, {"code": code}, _OVER[code])
    wrong = _wrong(resource, code, external[EXTERNAL_ID], routes)
    return Observation(_SEEN.get(code, Seen.BECOMING), external, {"code": code, DRIFT: wrong})


def _wrong(resource: Resource, code: str, peering: str, routes: Routes) -> str:
    """The difference between a peering and what its row wants; "" for no difference."""
    spec = peering_spec(resource)
    if spec.answer is not Answer.ACCEPTED:
        return ""
    if code != _ACTIVE:
        return f"AWS does not have it accepted: {_AGAIN}"
    for vpc, block in routes_of(spec):
        if routes.get(main_table_of(vpc), {}).get(block) != peering:
            return f"a main route table has no route to {block} by it in AWS: {_AGAIN}"
    return ""

"""The driver of route tables at EC2, with the routes of their own.

In a main table internet gateways and peerings make routes as well: the holder of the claim of a destination makes its
route and removes it. Routes to destinations without a claim are removed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.cloud.ec2_things import FindResources, Json
from chalicelib.cloud.network.drift import DRIFT
from chalicelib.cloud.network.ec2_routes import (
    TABLES_AT_ONCE,
    Claims,
    RouteCalls,
    id_at_ec2,
    routes_in,
    rows_of,
    subnets_in,
)
from chalicelib.cloud.network.names import routes_of
from chalicelib.cloud.network.parts import NetworkPart
from chalicelib.cloud.network.routing_errors import NO_ASSOCIATION, ROUTING_ERRORS
from chalicelib.cloud.network.routing_model import Route
from chalicelib.cloud.network.routing_rules import table_spec_of
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, filter_by, tags_of
from chalicelib.platform.provisioning.model import Observation, Resource, Seen


class RouteTableDriver(NetworkPart):
    """``claims`` reads the claims of a scope. EC2 takes a token for a new table."""

    type, describes, many, id, missing = (
        *("route-table", "describe_route_tables", "RouteTables", "RouteTableId"),
        "InvalidRouteTableID.NotFound",
    )
    page = TABLES_AT_ONCE

    def __init__(self, client: Any, stage: str, find: FindResources, claims: Claims) -> None:
        super().__init__(client, stage, find)
        self._routes, self._claims = RouteCalls(client, stage), claims

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """One call for all of them, one read of each tenant's targets, and one of the claims of each table that has
        routes which are not its own."""
        things = {tags_of(each)[RESOURCE_TAG]: each for each in self._shown([each.id for each in resources])}
        there = [each for each in resources if each.id in things]
        targets = rows_of(
            self._find, ((each.tenant, to.target_id) for each in there for to in table_spec_of(each).routes)
        )
        seen = {each.id: Observation(Seen.MISSING) for each in resources}
        for each in there:
            thing = things[each.id]
            missing, surplus = self._compared(each, routes_in(thing), targets)
            facts = {DRIFT: _told([to.destination_cidr for to in missing], surplus)}
            seen[each.id] = Observation(Seen.READY, {"id": str(thing[self.id])}, facts)
        return seen

    def change(self, resource: Resource, observation: Observation) -> None:
        """Remove the routes without a claim, then make those that it lacks."""
        del observation
        table = resource.external["id"]
        known = next((routes_in(each) for each in self._shown([resource.id])), {})
        targets = rows_of(self._find, ((resource.tenant, to.target_id) for to in table_spec_of(resource).routes))
        missing, surplus = self._compared(resource, known, targets)
        for destination in surplus:
            self._routes.remove(table, destination)
        for to in missing:
            self._routes.lead(table, to.destination_cidr, to.target_type, self._parent(resource, to.target_id))

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        answer: Json = self._client.create_route_table(
            VpcId=self._parent(resource, table_spec_of(resource).vpc_id),
            ClientToken=resource.id,
            TagSpecifications=tags,
        )
        return answer["RouteTable"]  # type: ignore[no-any-return]

    def _remove(self, thing_id: str) -> None:
        """No subnet has it by its row any more; where EC2 still has one, that is going or gone."""
        for table in self._described([filter_by("route-table-id", [thing_id])]):
            if table["RouteTableId"] == thing_id:  # an emulator may not know the filter
                for association in subnets_in(table).values():
                    self._disassociate(association)
        self._client.delete_route_table(RouteTableId=thing_id)

    def _disassociate(self, association: str) -> None:
        with ROUTING_ERRORS.sorted():
            try:
                with calling():
                    self._client.disassociate_route_table(AssociationId=association)
            except CallRefusedError as error:
                if error.code != NO_ASSOCIATION:
                    raise

    def _compared(
        self, resource: Resource, known: Mapping[str, str], targets: Mapping[str, Resource]
    ) -> tuple[list[Route], list[str]]:
        """The routes of its own that EC2 does not have so, and the destinations of those that have no claim. Claims are
        read after EC2's routes: the maker of a route has its claim before."""
        wanted = table_spec_of(resource).routes
        ids = {each.id: id_at_ec2(targets.get(each.target_id)) for each in wanted}
        missing = [each for each in wanted if not ids[each.id] or known.get(each.destination_cidr) != ids[each.id]]
        others = known.keys() - {each.destination_cidr for each in wanted}
        claimed = self._claims(resource.tenant, routes_of(resource.id)) if others else {}
        return missing, sorted(others - claimed.keys())


def _told(missing: Sequence[str], surplus: Sequence[str]) -> str:
    if missing:
        return f"AWS does not have its route to {missing[0]}: remove the route, and add it again"
    if surplus:
        return f"AWS has a route to {surplus[0]} that was not made here: remove it there"
    return ""

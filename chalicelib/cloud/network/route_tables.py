"""`RouteTables`: where what leaves a subnet goes."""

from collections.abc import Sequence

from chalicelib.cloud.named import ResourcesOf
from chalicelib.cloud.names import check_name
from chalicelib.cloud.network import routing_rules as rules
from chalicelib.cloud.network.in_vpcs import InVpcs
from chalicelib.cloud.network.model import VpcSpec
from chalicelib.cloud.network.names import MAIN, ROUTE_TABLE, route_claim, routes_of
from chalicelib.cloud.network.routing_model import Route, RouteTableSpec, TargetType
from chalicelib.cloud.network.rules import name_taken
from chalicelib.cloud.network.vpcs import Vpcs
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError, conflict, found
from chalicelib.kit.ids import Ids
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, NewResource, Resource


class RouteTables(InVpcs):
    """A table's name is unique in its VPC, so that tables are found by their ids alone."""

    def __init__(self, resources: ResourcesOf, vpcs: Vpcs, clock: Clock, ids: Ids) -> None:
        super().__init__(resources, ROUTE_TABLE, vpcs, "route-table-name")
        self._clock = clock
        self._ids = ids

    def create(self, by: Principal, vpc: str, name: str, *, is_main: bool = False) -> Resource:
        """A table with the route to the VPC's own addresses alone. Raises `EdgeError` (not found) for a VPC that is not
        there, (conflict) for a name that is taken in the VPC, and for a second main table."""
        check_name(name)
        own = self._resources(by.tenant)

        def decide() -> NewResource:
            parent = self._vpcs.get(by.tenant, vpc)
            if is_main:
                raise conflict("a VPC keeps its main route table: make another table, and associate subnets with it")
            if name == MAIN:
                raise conflict(f"{MAIN} is the name of the VPC's main route table: choose another")
            names = self._names_of(parent.id)
            if len(own.holders_in(names)) >= rules.MOST_TABLES:
                raise conflict(f"the VPC has {rules.MOST_TABLES} route tables, as many as it can: delete one first")
            block = VpcSpec.model_validate(parent.spec).cidr_block
            return NewResource(
                kind=ROUTE_TABLE,
                name=name,
                owner=by.user,
                spec=RouteTableSpec(vpc_id=parent.id, vpc_block=block).model_dump(mode="json"),
                parents=(parent.id,),
                at={parent.id: parent.version},
                claims=(f"{names}/{name}",),
            )

        try:
            return own.make(decide, "route_table.created")
        except ClaimTakenError as error:
            raise name_taken(name, "in the VPC") from error

    def delete(self, tenant: str, wanted: str) -> None:
        """Have a table removed. Raises `EdgeError` (not found), (conflict) for a main table, and for one that subnets
        have."""
        table = self.get(tenant, wanted)

        def check(current: Resource) -> None:
            if rules.table_spec_of(current).is_main:
                raise conflict("a main route table goes with its VPC")
            if current.references:
                raise conflict(f"{current.references} subnet(s) have the table: associate them with another one first")

        self._resources(tenant).delete(ROUTE_TABLE, table.id, "route_table.deleted", check=check)

    def add_route(self, tenant: str, wanted: str, destination: str, target_type: TargetType, target: str) -> Resource:
        """Add a route; returns the table, whose last route it is. Raises `EdgeError` (not found) for a target that is
        not there, (validation failed) for a destination that AWS does not take, (conflict) for one that the table has a
        route to, and for a target that is not in use in the table's VPC."""
        own, now = self._resources(tenant), self._clock.now()
        table_id, route_id = self.get(tenant, wanted).id, self._ids.uuid7(now)
        if target_type is TargetType.LOCAL:
            raise conflict(
                "every route table has the route to the addresses of its VPC: it is neither made nor removed"
            )

        def added(table: Resource) -> Changes:
            spec = rules.table_spec_of(table)
            to = rules.check_destination(destination, spec.vpc_block)
            thing = found(own.find(rules.KIND_OF[target_type], target.lower()))
            rules.check_target(thing, spec.vpc_id)
            if len(spec.routes) >= rules.MOST_ROUTES:
                raise conflict(f"the table has {rules.MOST_ROUTES} routes, as many as it can: remove one first")
            if any(each.destination_cidr == to for each in spec.routes):
                raise _has_route(to)
            route = Route(id=route_id, destination_cidr=to, target_type=target_type, target_id=thing.id)
            return _with_routes(table, spec, (*spec.routes, route), at={thing.id: thing.version})

        try:
            return own.change(ROUTE_TABLE, table_id, added, "route_table.route_added")
        except ClaimTakenError as error:
            raise _has_route(destination) from error

    def remove_route(self, tenant: str, wanted: str, route_id: str) -> None:
        """Remove a route by its id. Raises `EdgeError` (not found), (conflict) for one that is not the table's own."""
        own, table_id = self._resources(tenant), self.get(tenant, wanted).id

        def removed(table: Resource) -> Changes:
            spec = rules.table_spec_of(table)
            kept = tuple(each for each in spec.routes if each.id != route_id)
            if len(kept) < len(spec.routes):
                return _with_routes(table, spec, kept)
            if route_id == rules.local_route_of(table.id):
                raise conflict("the route to the addresses of the VPC cannot be removed")
            others = {rules.route_of(table.id, to) for to in own.holders_in(routes_of(table.id))}
            found(route_id if route_id in others else None)
            raise conflict("the route belongs to its internet gateway or peering: detach or delete that")

        own.change(ROUTE_TABLE, table_id, removed, "route_table.route_removed")

    def made_by_others(self, table: Resource) -> Sequence[tuple[str, Resource]]:
        """The routes of a table that gateways and peerings make: destination, and who makes it. Main tables alone have
        some."""
        spec, own = rules.table_spec_of(table), self._resources(table.tenant)
        if not spec.is_main:
            return ()
        holders = own.holders_in(routes_of(table.id))
        makers = {each.id: each for each in own.of_ids(sorted({*holders.values()} - {table.id}))}
        return [(to, makers[holder]) for to, holder in sorted(holders.items()) if holder in makers]


def _with_routes(
    table: Resource, spec: RouteTableSpec, routes: Sequence[Route], at: dict[str, int] | None = None
) -> Changes:
    """The changes of a table that shall have these routes of its own, with what follows from them."""
    targets = [each.target_id for each in routes]
    claims = [claim for claim in table.claims if not claim.startswith(f"{routes_of(table.id)}/")]
    return Changes(
        spec=spec.model_copy(update={"routes": tuple(routes)}).model_dump(mode="json"),
        parents=(*(() if spec.is_main else (spec.vpc_id,)), *targets),
        claims=(*claims, *(route_claim(table.id, each.destination_cidr) for each in routes)),
        at=at or {},
    )


def _has_route(destination: str) -> EdgeError:
    return conflict(f"the route table has a route to {destination} already: remove it first")

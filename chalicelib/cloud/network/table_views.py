"""`TableViews`: route tables with all that callers see of them, the routes of others and the subnets that have them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from chalicelib.cloud.network.names import main_table_of
from chalicelib.cloud.network.route_tables import RouteTables
from chalicelib.cloud.network.routing_model import TargetType
from chalicelib.cloud.network.routing_rules import TYPE_OF, local_route_of, route_of, table_spec_of
from chalicelib.cloud.network.rules import subnet_spec_of
from chalicelib.cloud.network.subnets import Subnets
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.ids import moment_of
from chalicelib.kit.listing import ListPage
from chalicelib.platform.provisioning.model import Resource


@dataclass(frozen=True)
class ShownRoute:
    """A route of a table, its own or one of a gateway or peering. ``since`` is seconds text."""

    id: str
    destination: str
    target_type: TargetType
    target_id: str | None
    since: str


@dataclass(frozen=True)
class TableView:
    """A route table, the routes that others make in it, by destination, and the subnets that have it."""

    table: Resource
    others: Sequence[tuple[str, Resource]] = ()
    subnets: Sequence[Resource] = ()

    @property
    def routes(self) -> Iterable[ShownRoute]:
        """All routes: to the VPC itself, the table's own, and those of others."""
        table, spec = self.table, table_spec_of(self.table)
        yield ShownRoute(local_route_of(table.id), spec.vpc_block, TargetType.LOCAL, None, table.inserted_at)
        for each in spec.routes:
            since = to_seconds_text(moment_of(each.id))
            yield ShownRoute(each.id, each.destination_cidr, each.target_type, each.target_id, since)
        for to, maker in self.others:
            yield ShownRoute(route_of(table.id, to), to, TYPE_OF[maker.kind], maker.id, maker.updated_at)


class TableViews:
    """See `RouteTables` and `Subnets`, of which these are made."""

    def __init__(self, tables: RouteTables, subnets: Subnets) -> None:
        self._tables = tables
        self._subnets = subnets

    def page(self, tenant: str, size: int, after: str = "", vpc: str = "") -> ListPage[TableView]:
        """Those of a VPC, by its id or name, or of all (`InVpcs.page`). Raises `EdgeError` (not found)."""
        page = self._tables.page(tenant, size, after, vpc)
        seen = {each.table.id: each for each in self._seen(tenant, page.items)}
        return page.map(lambda table: seen[table.id])

    def get(self, tenant: str, wanted: str) -> TableView:
        """Raises `EdgeError` (not found)."""
        (view,) = self._seen(tenant, [self._tables.get(tenant, wanted)])
        return view

    def delete(self, tenant: str, wanted: str) -> None:
        """See `RouteTables.delete`."""
        self._tables.delete(tenant, wanted)

    def _seen(self, tenant: str, tables: Sequence[Resource]) -> Sequence[TableView]:
        subnets: defaultdict[str, list[Resource]] = defaultdict(list)
        for each in self._subnets_of(tenant, {table_spec_of(table).vpc_id for table in tables}):
            spec = subnet_spec_of(each)
            subnets[spec.table_id or main_table_of(spec.vpc_id)].append(each)
        return [TableView(each, self._tables.made_by_others(each), subnets[each.id]) for each in tables]

    def _subnets_of(self, tenant: str, vpc_ids: Collection[str]) -> Sequence[Resource]:
        """The subnets of these VPCs, the newest first, and those of others where all take fewer calls."""
        if len(vpc_ids) > 1:
            return self._subnets.all(tenant)
        return [each for vpc_id in vpc_ids for each in reversed(self._subnets.there_in(tenant, vpc_id))]

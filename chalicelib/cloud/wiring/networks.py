"""The parts of networks in the container of the cloud, which is one of these as well."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.cloud.ec2_things import FindResources
    from chalicelib.cloud.network.gateways import InternetGateways
    from chalicelib.cloud.network.groups import SecurityGroups
    from chalicelib.cloud.network.main_tables import MainTables
    from chalicelib.cloud.network.route_tables import RouteTables
    from chalicelib.cloud.network.subnets import Subnets
    from chalicelib.cloud.network.table_views import TableViews
    from chalicelib.cloud.network.vpcs import Vpcs
    from chalicelib.platform.provisioning.ports import Driver
    from chalicelib.platform.wiring import Platform


class NetworkParts:
    """Networks by name, made of the parts of the platform; and what every driver at EC2 is made of."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    @cached_property
    def vpcs(self) -> Vpcs:
        from chalicelib.cloud.network.vpcs import Vpcs

        return Vpcs(self.platform.resources, self._limit_of)

    @cached_property
    def subnets(self) -> Subnets:
        from chalicelib.cloud.network.subnets import Subnets

        return Subnets(self.platform.resources, self.vpcs, self.route_tables, self.platform.clock)

    @cached_property
    def internet_gateways(self) -> InternetGateways:
        from chalicelib.cloud.network.gateways import InternetGateways

        return InternetGateways(self.platform.resources, self.vpcs, self._limit_of)

    @cached_property
    def route_tables(self) -> RouteTables:
        from chalicelib.cloud.network.route_tables import RouteTables

        platform = self.platform
        return RouteTables(platform.resources, self.vpcs, platform.clock, platform.ids)

    @cached_property
    def table_views(self) -> TableViews:
        from chalicelib.cloud.network.table_views import TableViews

        return TableViews(self.route_tables, self.subnets)

    @cached_property
    def main_tables(self) -> MainTables:
        from chalicelib.cloud.network.main_tables import MainTables

        return MainTables(self.platform.resources)

    @cached_property
    def security_groups(self) -> SecurityGroups:
        from chalicelib.cloud.network.groups import SecurityGroups

        return SecurityGroups(self.platform.resources, self.vpcs, self.platform.clock, self.platform.ids)

    @cached_property
    def security_group_driver(self) -> Driver:
        from chalicelib.cloud.network.group_driver import SecurityGroupDriver

        return SecurityGroupDriver(*self._at_ec2)

    @cached_property
    def vpc_driver(self) -> Driver:
        from chalicelib.cloud.network.drivers import VpcDriver

        return VpcDriver(*self._at_ec2)

    @cached_property
    def subnet_driver(self) -> Driver:
        from chalicelib.cloud.network.subnet_driver import SubnetDriver

        return SubnetDriver(*self._at_ec2)

    @cached_property
    def internet_gateway_driver(self) -> Driver:
        from chalicelib.cloud.network.gateway_driver import InternetGatewayDriver

        return InternetGatewayDriver(*self._at_ec2, self._claims)

    @cached_property
    def route_table_driver(self) -> Driver:
        from chalicelib.cloud.network.table_driver import RouteTableDriver

        return RouteTableDriver(*self._at_ec2, self._claims)

    @cached_property
    def _limit_of(self) -> Callable[[str, str], int | None]:
        """See `tenancy.limits.limit_of`, of a tenant and a quota."""
        from chalicelib.cloud.tenancy.limits import limit_of

        return partial(limit_of, self.platform.tables)

    def _claims(self, tenant: str, scope: str) -> Mapping[str, str]:
        """The holders of a scope's claims now, by name."""
        return self.platform.resources(tenant).holders_in(scope)

    @property
    def _at_ec2(self) -> tuple[Any, str, FindResources]:
        """The client of EC2, the value of the tag of this installation, and what finds resources of a tenant."""
        from chalicelib.platform.provisioning.ec2_tags import stage_of

        platform = self.platform
        stage = stage_of(platform.settings.table_prefix)
        return platform.gateways.machine_client, stage, lambda tenant, ids: platform.resources(tenant).of_ids(ids)

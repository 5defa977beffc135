"""The container of the machines."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.fleet.public import FleetAccess
    from chalicelib.machines.analytics.wiring import Analytics
    from chalicelib.machines.catalogue.allowances import Allowances
    from chalicelib.machines.catalogue.service import Catalogue
    from chalicelib.machines.hosted.wiring import HostedParts
    from chalicelib.machines.instances.administration import AllInstances
    from chalicelib.machines.instances.service import Instances
    from chalicelib.machines.providers.wiring import Providers
    from chalicelib.platform.wiring import Platform


class Machines:
    """The parts of the machines by name, made of the parts of the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    @cached_property
    def catalogue(self) -> Catalogue:
        from chalicelib.machines.catalogue.service import Catalogue

        settings = self.platform.settings
        return Catalogue(settings.machine_providers, settings.subnet_of_zone)

    @cached_property
    def analytics(self) -> Analytics:
        from chalicelib.machines.analytics.wiring import Analytics

        return Analytics(self.platform)

    @cached_property
    def providers(self) -> Providers:
        from chalicelib.machines.providers.wiring import Providers

        return Providers(self.platform)

    @cached_property
    def fleet(self) -> FleetAccess:
        from chalicelib.fleet.public import fleet_of

        return fleet_of(self.platform)

    @cached_property
    def allowances(self) -> Allowances:
        from chalicelib.machines.catalogue.allowances import Allowances

        platform = self.platform
        return Allowances(self.catalogue, platform.identity.tenant, platform.limits, platform.clock)

    @cached_property
    def instances(self) -> Instances:
        from chalicelib.machines.instances.service import Instances
        from chalicelib.platform.quotas.rules import INSTANCES

        platform = self.platform
        return Instances(
            self.catalogue,
            platform.resources,
            self.allowances.tier_of,
            platform.identity.tenant,
            lambda name: self.fleet.find_cluster(name) is not None,
            lambda tenant: platform.quotas.used(tenant, [INSTANCES])[INSTANCES],
            platform.clock,
            platform.ids,
        )

    @cached_property
    def all_instances(self) -> AllInstances:
        from chalicelib.machines.instances.administration import AllInstances

        return AllInstances(self.platform.all_resources, self.instances)

    @cached_property
    def hosted(self) -> HostedParts:
        from chalicelib.machines.hosted.wiring import HostedParts

        return HostedParts(
            self.platform,
            self.catalogue,
            find_fleet=lambda: self.fleet,
            find_instances=lambda: self.instances,
            read_console=lambda instance: self.providers.driver.console(instance),  # noqa: PLW0108 - loads what it uses
        )

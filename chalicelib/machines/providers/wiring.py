"""The object of the parts of the context `providers`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.machines.providers.ports import ProviderName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.machines.providers.driver import InstanceDriver
    from chalicelib.machines.providers.ec2 import Ec2
    from chalicelib.machines.providers.ports import Provider
    from chalicelib.machines.providers.signals import Signals
    from chalicelib.platform.wiring import Platform


class Providers:
    """The providers that the settings name, and the driver of instances on them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @cached_property
    def driver(self) -> InstanceDriver:
        from chalicelib.fleet.public import fleet_of
        from chalicelib.machines.providers.driver import InstanceDriver

        server_url = next(iter(self._platform.settings.own_urls), "")
        return InstanceDriver(
            self.by_name,
            fleet_of(self._platform),
            server_url,
            lambda tenant, ids: self._platform.resources(tenant).of_ids(ids),
        )

    @cached_property
    def by_name(self) -> Mapping[str, Provider]:
        """The providers of this deployment."""
        found: dict[str, Provider] = {}
        if self.ec2 is not None:
            found[ProviderName.EC2] = self.ec2
        if ProviderName.LOCAL in self._platform.settings.machine_providers:
            found[ProviderName.LOCAL] = self._local()
        return found

    @cached_property
    def ec2(self) -> Ec2 | None:
        """EC2, if machines are made there."""
        platform, settings = self._platform, self._platform.settings
        if ProviderName.EC2 not in settings.machine_providers:
            return None
        from chalicelib.machines.catalogue.service import packaged
        from chalicelib.machines.providers.ec2 import Ec2
        from chalicelib.machines.providers.ec2_request import Network
        from chalicelib.platform.provisioning.ec2_tags import stage_of

        templates = [each for each in packaged().templates if each.provider == ProviderName.EC2.value]
        return Ec2(
            platform.gateways.machine_client,
            stage_of(settings.table_prefix),
            Network(settings.subnet_of_zone, settings.machine_security_groups),
            {each.machine_type: f"{each.price_per_hour:.4f} USD" for each in templates},
        )

    @cached_property
    def signals(self) -> Signals:
        from chalicelib.machines.providers.signals import Signals

        return Signals(self._platform.all_resources)

    def _local(self) -> Provider:
        from chalicelib.kit.outbound import Outbound
        from chalicelib.machines.providers.local import ANSWER_BYTES, SECONDS, LocalMachines

        gateways = self._platform.gateways
        caller = Outbound(
            gateways.resolver,
            gateways.exchange,
            allow_private=True,  # the host of local machines is on this one
            total_seconds=SECONDS,
            answer_bytes=ANSWER_BYTES,
        )
        url = self._platform.settings.local_machines_url
        return LocalMachines(caller, "" if url is None else url.get_secret_value())

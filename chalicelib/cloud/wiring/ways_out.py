"""The parts of networks that lead in and out, in the container of the cloud."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.cloud.wiring.networks import NetworkParts

if TYPE_CHECKING:
    from chalicelib.cloud.network.addresses import Addresses
    from chalicelib.cloud.network.nats import Nats
    from chalicelib.cloud.network.peerings import Peerings
    from chalicelib.cloud.network.traffic import NatTraffic
    from chalicelib.platform.provisioning.model import Resource
    from chalicelib.platform.provisioning.ports import Driver


class WaysOut(NetworkParts, ABC):
    """Addresses, which instances and NAT gateways have, and peerings of VPCs."""

    @abstractmethod
    def find_instance(self, tenant: str, wanted: str) -> Resource:
        """An instance by its id or name. Raises `EdgeError` (not found)."""

    @cached_property
    def addresses(self) -> Addresses:
        from chalicelib.cloud.network.addresses import Addresses

        return Addresses(self.platform.resources, self._limit_of, self.find_instance)

    @cached_property
    def nats(self) -> Nats:
        from chalicelib.cloud.network.nats import Nats

        return Nats(self.platform.resources, self.vpcs, self.subnets, self.addresses)

    @cached_property
    def nat_traffic(self) -> NatTraffic:
        from chalicelib.cloud.metrics import Metrics
        from chalicelib.cloud.network.names import NAT_GATEWAY
        from chalicelib.cloud.network.traffic import NatTraffic
        from chalicelib.platform.billing.wiring import metering_of

        platform = self.platform
        return NatTraffic(
            lambda: platform.all_resources.every(NAT_GATEWAY),
            metering_of(platform).note_amount,
            Metrics(platform.gateways.metric_client),
            platform.clock,
        )

    @cached_property
    def nat_driver(self) -> Driver:
        from chalicelib.cloud.network.nat_driver import NatDriver

        return NatDriver(*self._at_ec2)

    @cached_property
    def peerings(self) -> Peerings:
        from chalicelib.cloud.network.peerings import Peerings

        return Peerings(self.platform.resources, self.vpcs)

    @cached_property
    def peering_driver(self) -> Driver:
        from chalicelib.cloud.network.peering_driver import PeeringDriver

        return PeeringDriver(*self._at_ec2)

    @cached_property
    def address_driver(self) -> Driver:
        from chalicelib.cloud.network.address_driver import AddressDriver

        return AddressDriver(*self._at_ec2)

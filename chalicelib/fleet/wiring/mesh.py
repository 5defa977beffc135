"""The parts of `mesh`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.fleet.mesh.netmaker import Netmaker
    from chalicelib.fleet.mesh.reconciling import Reconciling
    from chalicelib.fleet.mesh.settling import Settling
    from chalicelib.fleet.mesh.store import NetworkStore
    from chalicelib.fleet.wiring import Fleet


class MeshParts:
    """The Netmaker mesh, only where the settings name one; `settling` and `reconciling` make it follow our rows."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._platform = fleet.platform

    @cached_property
    def netmaker(self) -> Netmaker:
        from chalicelib.fleet.mesh.master_key import master_key_of
        from chalicelib.fleet.mesh.netmaker import Netmaker
        from chalicelib.fleet.mesh.netmaker_api import netmaker_over_http

        platform, settings, secret = self._platform, self._platform.settings, self._platform.callers.stage_secret
        api = netmaker_over_http(
            settings.netmaker_api_url,
            lambda: settings.netmaker_master_key or master_key_of(secret.values()),
            platform.clock,
            platform.ids,
            platform.log,
            look_again=secret.look_again,
        )
        return Netmaker(api, self.networks, platform.clock, platform.ids, domain=settings.netmaker_default_domain)

    @cached_property
    def networks(self) -> NetworkStore:
        from chalicelib.fleet.mesh.store import NetworkStore

        return NetworkStore(self._platform.tables)

    @cached_property
    def settling(self) -> Settling:
        from chalicelib.fleet.mesh.settling import Settling

        return Settling(self._fleet.clusters, self._fleet.nodes.reading, self._fleet.aliases, self.netmaker)

    @cached_property
    def reconciling(self) -> Reconciling:
        from chalicelib.fleet.mesh.reconciling import Reconciling

        return Reconciling(
            self._fleet.every_cluster,
            self._fleet.nodes.reading,
            self._fleet.aliases,
            self.netmaker,
            self.networks,
            self.settling,
            self._platform.clock,
            evicts_strangers=self._platform.settings.evict_rogue_hosts,
        )

"""The container of the machines."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.machines.analytics.wiring import Analytics
    from chalicelib.machines.catalogue.service import Catalogue
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

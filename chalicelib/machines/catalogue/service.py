"""Reads the catalogue, which is part of the package: a template or a tier costs no call."""

import re
from collections.abc import Collection, Mapping
from functools import cache, cached_property
from pathlib import Path

from chalicelib.kit.errors import found
from chalicelib.machines.catalogue.model import CatalogueFile, QuotaMeaning, Template, Tier

GENERATED = Path(__file__).with_name("catalogue.json")
"""The catalogue as it is packaged."""


@cache
def packaged() -> CatalogueFile:
    """The catalogue of this package."""
    return CatalogueFile.model_validate_json(GENERATED.read_bytes())


class Catalogue:
    """The catalogue as this deployment offers it: the templates of its ``providers``, those of EC2 in the zones of
    ``subnets`` (zone to subnet)."""

    def __init__(
        self, providers: Collection[str], subnets: Mapping[str, str], file: CatalogueFile | None = None
    ) -> None:
        self._providers = providers
        self._subnets = subnets
        self._file = packaged() if file is None else file

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """The templates that machines can be made from here, in the order of the file."""
        return tuple(self._placed(one) for one in self._file.templates if one.provider in self._providers)

    def template(self, template_id: str) -> Template:
        """Raises `EdgeError` (not found)."""
        return found(self.find_template(template_id))

    def find_template(self, template_id: str) -> Template | None:
        """The template; None if machines cannot be made from it here."""
        return next((one for one in self.templates if one.id == template_id), None)

    def known_template(self, template_id: str) -> Template | None:
        """The template, also of a provider that this deployment no longer has; None if the catalogue has dropped it."""
        return next((one for one in self._file.templates if one.id == template_id), None)

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """All tiers, in the order of the file."""
        return self._file.tiers

    def find_tier(self, tier_id: str) -> Tier | None:
        """The tier; None for an id that the catalogue does not name."""
        return next((one for one in self._file.tiers if one.id == tier_id), None)

    @property
    def operations(self) -> Mapping[str, Mapping[str, str]]:
        """The types of operations that are counted, by service, with their descriptions."""
        return self._file.operations

    @property
    def quotas(self) -> Mapping[str, Mapping[str, QuotaMeaning]]:
        """Unit and description of each quota, by service."""
        return self._file.quotas

    def _placed(self, template: Template) -> Template:
        if template.provider == "local":
            return template
        zones = tuple(sorted(self._subnets))
        return template.model_copy(update={"zones": zones, "region": _region_of(zones[0])})


def _region_of(zone: str) -> str:
    """``eu-central-1a`` -> ``eu-central-1``, ``us-west-2-lax-1a`` -> ``us-west-2``."""
    matched = re.match(r"[a-z]+(-[a-z]+)+-\d+", zone)
    return matched[0] if matched else zone

"""Templates, the kinds of machines that can be made, and tiers, the limits and quotas of a customer."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Gt, Len
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Count = Annotated[int, Gt(0)]

RESERVED_SERVICES = frozenset({"usage", "ip"})
"""Words of the paths behind /limits and /quotas, where the name of a service would stand."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ec2Machine(_Strict):
    """The needs of EC2 beside size and disk: the SSM parameter that names the image, and the image's root device."""

    image_parameter: Annotated[str, StringConstraints(pattern=r"^/aws/service/[A-Za-z0-9_./-]+$")]
    root_device: Annotated[str, StringConstraints(pattern=r"^/dev/[a-z0-9]+$")]


class Service(_Strict):
    """The service that a hosted node of the template exposes: outside, and to others of its cluster."""

    protocol: Literal["http", "https"] = "https"
    port: Annotated[int, Gt(0)] = 443
    peer_port: Annotated[int, Gt(0)] = 9735


class LocalMachine(_Strict):
    """The local provider needs nothing more."""


_MACHINES: Mapping[str, type[BaseModel]] = {"ec2": Ec2Machine, "local": LocalMachine}


class Template(_Strict):
    """A kind of machine, made by ``provider``. ``zones`` are the places in ``region`` where it can be made: of the
    deployment where the catalogue names none. ``agent`` tells whether its machines enrol themselves. ``machine`` is
    what the provider needs beside size and disk. ``price_per_hour`` is in US dollars, for reports."""

    id: Slug
    name: Text
    description: Text
    provider: Literal["ec2", "local"]
    machine_type: Text
    vcpus: Count
    memory_mb: Count
    disk_size_gb: Count
    disk_type: Text
    image: Text
    architecture: Literal["x86_64", "arm64"]
    region: str = ""
    zones: tuple[str, ...] = ()
    agent: bool
    price_per_hour: Annotated[float, Ge(0)]
    service: Service = Service()
    machine: dict[str, Any]

    @model_validator(mode="after")
    def _fits_its_provider(self) -> Self:
        _MACHINES[self.provider].model_validate(self.machine)
        if self.provider == "local" and not (self.region and self.zones):
            raise ValueError(f"template {self.id}: the provider local needs region and zones")
        if self.provider == "ec2" and (self.region or self.zones):
            raise ValueError(
                f"template {self.id}: region and zones of ec2 are those of the deployment, not {self.zones}"
            )
        return self

    @property
    def for_provider(self) -> dict[str, Any]:
        """Everything that the provider makes it from, as an instance keeps it (`InstanceSpec.machine`): size, disk and
        architecture, and the provider's own fields."""
        size = {"machine_type", "vcpus", "memory_mb", "disk_size_gb", "disk_type", "image", "architecture", "agent"}
        return {**self.model_dump(include=size), **self.machine}


class QuotaMeaning(_Strict):
    """A quota for people."""

    unit: Text
    description: Text


Numbers = Mapping[str, Mapping[str, Annotated[int, Ge(0)]]]
"""A number by service and operation, or by service and quota."""


class Tier(_Strict):
    """The limits of a customer, in requests a minute, and its quotas, in things at a time."""

    id: Slug
    name: Text
    description: Text
    limits: Mapping[str, Mapping[str, Count]]
    quotas: Numbers

    def per_minute(self, operation: str) -> int:
        """The limit of an operation, `<service>.<type>`. Raises KeyError for one that the catalogue does not name."""
        service, _, name = operation.partition(".")
        return self.limits[service][name]

    def quota(self, name: str) -> int:
        """The quota of that name, `<service>.<quota>`. Raises KeyError for one that the catalogue does not name."""
        service, _, key = name.partition(".")
        return self.quotas[service][key]


class CatalogueFile(_Strict):
    """The content of the catalogue. Raises `ValidationError` (pydantic) that names the wrong place."""

    templates: Annotated[tuple[Template, ...], Len(1)]
    operations: Mapping[Slug, Mapping[Slug, Text]]
    quotas: Mapping[Slug, Mapping[Slug, QuotaMeaning]]
    tiers: Annotated[tuple[Tier, ...], Len(1)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        for what, ids in {
            "template": [one.id for one in self.templates],
            "tier": [one.id for one in self.tiers],
        }.items():
            yield from (
                f"the {what} {one} stands there {ids.count(one)} times"
                for one in sorted(set(ids))
                if ids.count(one) > 1
            )
        for service in sorted(RESERVED_SERVICES & {*self.operations, *self.quotas}):
            yield f"{service} is a word of the paths of limits and cannot name a service"
        for tier in self.tiers:
            yield from _differences(f"limits of the tier {tier.id}", tier.limits, self.operations)
            yield from _differences(f"quotas of the tier {tier.id}", tier.quotas, self.quotas)


def _differences(
    where: str, given: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """The names that a tier lacks or that are not declared."""
    names, wanted = ({f"{service}.{name}" for service, of in one.items() for name in of} for one in (given, known))
    yield from (f"{where}: {name} is missing" for name in sorted(wanted - names))
    yield from (f"{where}: {name} is not declared" for name in sorted(names - wanted))

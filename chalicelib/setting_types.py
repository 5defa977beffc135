"""The types of settings: how the text of an environment variable is read, and which values are allowed."""

import re
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, ValidationInfo

RESERVED_CLUSTER_NAME = "default"
"""A word in the paths of enrollment keys."""

QUOTAS = ("instances", "vpcs", "storage_gb", "memory_gb", "vcpus", "buckets", "elastic_ips")
"""The names of the quotas of a tenant of the cloud."""

_COUNT = re.compile(r"[0-9]{1,9}")
_PROVIDERS = ("ec2", "local")
_FAMILY_AND_URL = re.compile(r"[a-z][a-z0-9-]*=https?://[^\s,=]+")
_ZONE_AND_SUBNET = re.compile(r"[a-z0-9-]+=subnet-[0-9a-z]+")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-z]+")


def _split(value: object) -> object:
    """A comma list (blanks around items dropped) as a tuple."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _not_reserved(value: str | None, info: ValidationInfo) -> str | None:
    if value == RESERVED_CLUSTER_NAME:
        raise ValueError(f"{info.field_name} cannot be '{RESERVED_CLUSTER_NAME}': it is a word of the API's paths")
    return value


def _known_providers(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if name not in _PROVIDERS:
            raise ValueError(f"{name!r} is no provider of machines. Allowed: {', '.join(_PROVIDERS)}")
    return value


def _security_groups(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if not _SECURITY_GROUP.fullmatch(name):
            raise ValueError(f"{name!r} is no security group, as sg-0abc")
    return value


def _zones_and_subnets(value: tuple[str, ...]) -> tuple[str, ...]:
    for pair in value:
        if not _ZONE_AND_SUBNET.fullmatch(pair):
            raise ValueError(f"{pair!r} is not zone=subnet, as in eu-central-1a=subnet-0abc")
    return value


def _quotas_of_tenants(value: tuple[str, ...]) -> tuple[str, ...]:
    for pair in value:
        name, _, number = pair.partition("=")
        if name not in QUOTAS or not _COUNT.fullmatch(number):
            raise ValueError(f"{pair!r} is not quota=number, as in instances=2. Quotas: {', '.join(QUOTAS)}")
    return value


def _families_and_urls(value: tuple[str, ...]) -> tuple[str, ...]:
    for pair in value:
        if not _FAMILY_AND_URL.fullmatch(pair):
            raise ValueError(f"{pair!r} is not family=URL, as in machines=https://machines.example.com")
    return value


CommaList = Annotated[tuple[str, ...], BeforeValidator(_split)]
PositiveInt = Annotated[int, Ge(1)]
Prefix = Annotated[int, Ge(1), Le(30)]
ClusterName = Annotated[str | None, AfterValidator(_not_reserved)]
Providers = Annotated[CommaList, AfterValidator(_known_providers)]
SecurityGroups = Annotated[CommaList, AfterValidator(_security_groups)]
Subnets = Annotated[CommaList, AfterValidator(_zones_and_subnets)]
"""Items are ``zone=subnet``."""
FamilyUrls = Annotated[CommaList, AfterValidator(_families_and_urls)]
"""Items are ``family=URL``."""

NETWORKS = ("regtest", "testnet", "bitfinex_regtest", "mainnet")
"""The networks that hosted nodes can be made for by default."""

Quotas = Annotated[CommaList, AfterValidator(_quotas_of_tenants)]
Registration = Literal["closed", "invite", "open"]
"""How people become users: not at all, by an invitation, or by themselves."""

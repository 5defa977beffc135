"""Limits: requests a minute, by service and type of operation, and how many are left."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from chalicelib.kit.errors import found
from chalicelib.machines.api.billing.models import (
    WINDOW,
    AddressLimitsOut,
    AddressUseOut,
    FeaturePath,
    FeatureUseOut,
    LimitOut,
    LimitsOut,
    LimitUseOut,
    ServiceAddressLimitsOut,
    ServiceLimitsOut,
    ServicePath,
    ServiceUseOut,
)
from chalicelib.machines.api.compute.protocol import USER
from chalicelib.machines.catalogue.model import Tier
from chalicelib.machines.permissions import BILLING_READ
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.limits.model import Standing
from chalicelib.web.endpoint import PUBLIC, Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Limits")

PUBLIC_SERVICE, PUBLIC_FEATURE = "public", "requests"


@routes.get(
    "/api/billing/v1/limits",
    auth=USER,
    permission=BILLING_READ,
    scope=Scope.TENANT,
    counted_as="billing.read",
    answer=LimitsOut,
    summary="Get the limits",
)
def get_limits(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> LimitsOut:
    """Returns the limits of the caller's customer in all services."""
    tenant = request.principal.tenant
    tier = services.allowances.tier_of(tenant)
    return LimitsOut(customer_id=tenant, tier_name=tier.name, limits=_limits(tier, services))


@routes.get(
    "/api/billing/v1/limits/usage",
    auth=USER,
    permission=BILLING_READ,
    scope=Scope.TENANT,
    counted_as="billing.read",
    answer=LimitUseOut,
    summary="Get the use of the limits",
)
def get_limit_usage(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> LimitUseOut:
    """Returns how much of each limit the caller's customer has used. Functions grant some requests by
    themselves where a limit is 100 or more; these are not counted here."""
    tenant = request.principal.tenant
    tier, now = services.allowances.tier_of(tenant), _now(services)
    uses = [
        _use(name, standing, _description(services, name), now, tier.name)
        for name, standing in services.allowances.standings(tenant).items()
    ]
    return LimitUseOut(
        identifier=tenant,
        identifier_type="customer",
        services=_by_service(uses),
        total_features=len(uses),
        fetched_at=now,
    )


@routes.get(
    "/api/billing/v1/limits/usage/ip",
    auth=PUBLIC,
    answer=AddressUseOut,
    summary="Get the use of an address's limits",
)
def get_ip_usage(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> AddressUseOut:
    """Returns how much of the limits on routes without authentication the caller's address has used, as the function
    that answers knows it."""
    now = _now(services)
    standing = services.platform.limits.look_at_address(request.address)
    description = _public_limit(services).description
    by_service = _by_service([_use(f"{PUBLIC_SERVICE}.{PUBLIC_FEATURE}", standing, description, now, None)])
    return AddressUseOut(
        identifier=request.address,
        identifier_type="ip",
        services=by_service,
        usage=by_service,
        total_features=1,
        fetched_at=now,
    )


@routes.get(
    "/api/billing/v1/limits/ip",
    auth=PUBLIC,
    answer=AddressLimitsOut,
    summary="Get the limits of an address",
)
def get_ip_limits(_request: Request[NoPath, NoQuery, NoBody], services: Machines) -> AddressLimitsOut:
    """Returns the limits of callers without credentials, for each address."""
    return AddressLimitsOut(ip_limits={PUBLIC_SERVICE: {PUBLIC_FEATURE: _public_limit(services)}})


@routes.get(
    "/api/billing/v1/limits/ip/{service}",
    auth=PUBLIC,
    answer=ServiceAddressLimitsOut,
    errors=(404,),
    summary="Get the limits of an address in a service",
)
def get_service_ip_limits(
    request: Request[ServicePath, NoQuery, NoBody], services: Machines
) -> ServiceAddressLimitsOut:
    """Returns the limits of callers without credentials in one service."""
    known = {PUBLIC_SERVICE: {PUBLIC_FEATURE: _public_limit(services)}}
    return ServiceAddressLimitsOut(service_name=request.path.service, limits=found(known.get(request.path.service)))


@routes.get(
    "/api/billing/v1/limits/{service}",
    auth=USER,
    permission=BILLING_READ,
    scope=Scope.TENANT,
    counted_as="billing.read",
    answer=ServiceLimitsOut,
    errors=(404,),
    summary="Get the limits in a service",
)
def get_service_limits(request: Request[ServicePath, NoQuery, NoBody], services: Machines) -> ServiceLimitsOut:
    """Returns the limits of the caller's customer in one service."""
    tenant, service = request.principal.tenant, request.path.service
    tier = services.allowances.tier_of(tenant)
    return ServiceLimitsOut(
        customer_id=tenant,
        tier_name=tier.name,
        service_name=service,
        limits=found(_limits(tier, services).get(service)),
    )


@routes.get(
    "/api/billing/v1/limits/{service}/{feature}",
    auth=USER,
    permission=BILLING_READ,
    scope=Scope.TENANT,
    counted_as="billing.read",
    answer=LimitOut,
    errors=(404,),
    summary="Get a limit",
)
def get_limit(request: Request[FeaturePath, NoQuery, NoBody], services: Machines) -> LimitOut:
    """Returns one limit of the caller's customer."""
    tier = services.allowances.tier_of(request.principal.tenant)
    return found(_limits(tier, services).get(request.path.service, {}).get(request.path.feature))


def _limits(tier: Tier, services: Machines) -> Mapping[str, Mapping[str, LimitOut]]:
    return {
        service: {
            name: LimitOut(value=value, window=WINDOW, description=services.catalogue.operations[service][name])
            for name, value in of.items()
        }
        for service, of in tier.limits.items()
    }


def _public_limit(services: Machines) -> LimitOut:
    settings = services.platform.settings
    return LimitOut(
        value=int(60 * settings.public_rate_per_second),
        window=WINDOW,
        description="Requests without credentials, to each function",
    )


def _description(services: Machines, name: str) -> str:
    service, _, feature = name.partition(".")
    return services.catalogue.operations[service][feature]


def _use(name: str, standing: Standing, description: str, now: int, tier_name: str | None) -> tuple[str, FeatureUseOut]:
    service, _, feature = name.partition(".")
    return service, FeatureUseOut(
        feature_key=feature,
        current_usage=standing.quota - standing.remaining,
        limit=standing.quota,
        remaining=standing.remaining,
        tier_name=tier_name,
        window=WINDOW,
        description=description,
        reset_at=now + standing.reset_seconds,
        is_locked=standing.wait_seconds > 0,
    )


def _by_service(uses: Iterable[tuple[str, FeatureUseOut]]) -> dict[str, ServiceUseOut]:
    grouped = groupby(sorted(uses, key=lambda one: one[0]), key=lambda one: one[0])
    return {
        service: ServiceUseOut(service_name=service, features=tuple(use for _, use in of)) for service, of in grouped
    }


def _now(services: Machines) -> int:
    return int(services.platform.clock.now().timestamp())

"""Quotas: how many things there may be at a time, and how many there are."""

from collections.abc import Mapping

from chalicelib.kit.errors import found
from chalicelib.machines.api.billing.models import (
    FeaturePath,
    FeatureUseOut,
    QuotaOut,
    QuotasOut,
    QuotaUseOut,
    ServicePath,
    ServiceQuotasOut,
    ServiceUseOut,
)
from chalicelib.machines.api.compute.protocol import USER
from chalicelib.machines.catalogue.model import Tier
from chalicelib.machines.permissions import BILLING_READ
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Quotas", auth=USER, scope=Scope.TENANT)


@routes.get(
    "/api/billing/v1/quotas",
    permission=BILLING_READ,
    counted_as="billing.read",
    answer=QuotasOut,
    summary="Get the quotas",
)
def get_quotas(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> QuotasOut:
    """Returns the quotas of the caller's customer in all services."""
    tenant = request.principal.tenant
    tier = services.allowances.tier_of(tenant)
    return QuotasOut(customer_id=tenant, tier_name=tier.name, quotas=_quotas(tier, services))


@routes.get(
    "/api/billing/v1/quotas/usage",
    permission=BILLING_READ,
    counted_as="billing.read",
    answer=QuotaUseOut,
    summary="Get the use of the quotas",
)
def get_quota_usage(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> QuotaUseOut:
    """Returns how much of each quota the caller's customer has taken: exact, as the next creation finds it."""
    tenant = request.principal.tenant
    tier = services.allowances.tier_of(tenant)
    names = [f"{service}.{name}" for service, of in tier.quotas.items() for name in of]
    used = services.platform.quotas.used(tenant, names)
    by_service = {
        service: ServiceUseOut(
            service_name=service,
            features=tuple(_use(name, used[f"{service}.{name}"], quota, tier.name) for name, quota in of.items()),
        )
        for service, of in _quotas(tier, services).items()
    }
    return QuotaUseOut(
        customer_id=tenant,
        services=by_service,
        usage=by_service,
        total_features=len(names),
        fetched_at=int(services.platform.clock.now().timestamp()),
    )


@routes.get(
    "/api/billing/v1/quotas/{service}",
    permission=BILLING_READ,
    counted_as="billing.read",
    answer=ServiceQuotasOut,
    errors=(404,),
    summary="Get the quotas in a service",
)
def get_service_quotas(request: Request[ServicePath, NoQuery, NoBody], services: Machines) -> ServiceQuotasOut:
    """Returns the quotas of the caller's customer in one service."""
    tenant, service = request.principal.tenant, request.path.service
    tier = services.allowances.tier_of(tenant)
    return ServiceQuotasOut(
        customer_id=tenant,
        tier_name=tier.name,
        service_name=service,
        quotas=found(_quotas(tier, services).get(service)),
    )


@routes.get(
    "/api/billing/v1/quotas/{service}/{feature}",
    permission=BILLING_READ,
    counted_as="billing.read",
    answer=QuotaOut,
    errors=(404,),
    summary="Get a quota",
)
def get_quota(request: Request[FeaturePath, NoQuery, NoBody], services: Machines) -> QuotaOut:
    """Returns one quota of the caller's customer."""
    tier = services.allowances.tier_of(request.principal.tenant)
    return found(_quotas(tier, services).get(request.path.service, {}).get(request.path.feature))


def _quotas(tier: Tier, services: Machines) -> Mapping[str, Mapping[str, QuotaOut]]:
    meanings = services.catalogue.quotas
    return {
        service: {
            name: QuotaOut(
                value=value, unit=meanings[service][name].unit, description=meanings[service][name].description
            )
            for name, value in of.items()
        }
        for service, of in tier.quotas.items()
    }


def _use(name: str, used: int, quota: QuotaOut, tier_name: str) -> FeatureUseOut:
    return FeatureUseOut(
        feature_key=name,
        current_usage=used,
        limit=quota.value,
        remaining=max(0, quota.value - used),
        tier_name=tier_name,
        window=None,
        description=quota.description,
        reset_at=0,
        is_locked=used >= quota.value,
    )

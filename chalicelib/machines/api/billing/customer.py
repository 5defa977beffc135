"""The caller's customer and its tier."""

from chalicelib.machines.api.billing.models import CustomerOut, CustomerTierOut
from chalicelib.machines.api.compute.protocol import USER
from chalicelib.machines.permissions import BILLING_READ
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Customer")


@routes.get(
    "/api/billing/v1/customer",
    auth=USER,
    permission=BILLING_READ,
    scope=Scope.TENANT,
    counted_as="billing.read",
    answer=CustomerOut,
    summary="Get the customer",
)
def get_customer(request: Request[NoPath, NoQuery, NoBody], _services: Machines) -> CustomerOut:
    """Returns the customer that the caller belongs to."""
    return CustomerOut(id=request.principal.tenant)


@routes.get(
    "/api/billing/v1/customer/tier",
    auth=USER,
    permission=BILLING_READ,
    scope=Scope.TENANT,
    counted_as="billing.read",
    answer=CustomerTierOut,
    summary="Get the customer's tier",
)
def get_customer_tier(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> CustomerTierOut:
    """Returns the tier that the limits and quotas of the caller's customer come from."""
    tenant = request.principal.tenant
    tier = services.allowances.tier_of(tenant)
    return CustomerTierOut(customer_id=tenant, tier_id=tier.id, tier_name=tier.name, description=tier.description)

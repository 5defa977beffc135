"""The caller's customer and its tier."""

from chalicelib.machines.api.billing.models import CustomerOut, CustomerTierOut, MemberOut, MemberQuery, MembersOut
from chalicelib.machines.api.compute.protocol import USER
from chalicelib.machines.permissions import BILLING_READ
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.identity.user_store import OWNER
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Customer", auth=USER, scope=Scope.TENANT)


@routes.get(
    "/api/billing/v1/customer",
    permission=BILLING_READ,
    counted_as="billing.read",
    answer=CustomerOut,
    summary="Get the customer",
)
def get_customer(request: Request[NoPath, NoQuery, NoBody], _services: Machines) -> CustomerOut:
    """Returns the customer that the caller belongs to."""
    return CustomerOut(id=request.principal.tenant)


@routes.get(
    "/api/billing/v1/customer/tier",
    permission=BILLING_READ,
    counted_as="billing.read",
    answer=CustomerTierOut,
    summary="Get the customer's tier",
)
def get_customer_tier(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> CustomerTierOut:
    """Returns the tier that the limits and quotas of the caller's customer come from."""
    tenant = request.principal.tenant
    tier = services.allowances.tier_of(tenant)
    return CustomerTierOut(customer_id=tenant, tier_id=tier.id, tier_name=tier.name, description=tier.description)


@routes.get(
    "/api/billing/v1/customer/members",
    permission=BILLING_READ,
    counted_as="billing.read",
    answer=MembersOut,
    summary="List the customer's members",
)
def list_customer_members(request: Request[NoPath, MemberQuery, NoBody], services: Machines) -> MembersOut:
    """Lists the users of the caller's customer, a page at a time."""
    every, query = services.platform.identity.members(request.principal.tenant), request.query
    members = [
        MemberOut(
            role_id=one.id,
            user_id=one.id,
            role=OWNER if member.role == OWNER else "user",
            email=one.email,
            joined_at=one.inserted_at,
        )
        for member, one in every
    ]
    start = (query.page - 1) * query.limit
    return MembersOut(
        pages=-(-len(members) // query.limit),
        items=len(members),
        members=tuple(members[start : start + query.limit]),
    )

"""Customers: their tier, and the clusters that their machines may join. For the operator of the installation."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.kit.errors import invalid
from chalicelib.kit.fields import about
from chalicelib.kit.labels import LABEL_MAX_LENGTH
from chalicelib.machines.api.compute.fields import Camel
from chalicelib.machines.api.compute.instance_models import CUSTOMER_ID
from chalicelib.machines.api.compute.protocol import USER
from chalicelib.machines.permissions import CUSTOMERS_ADMINISTER
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import Body, CountedFirst, NoQuery, Path

routes = Endpoints(tag="Administration")

MOST_CLUSTERS = 100

Clusters = Annotated[list[Annotated[str, MinLen(1), MaxLen(LABEL_MAX_LENGTH)]], MaxLen(MOST_CLUSTERS), CountedFirst()]


class CustomerPath(Path):
    customer_id: Annotated[str, MinLen(1), MaxLen(64), about("Customer that is changed, by its id.", CUSTOMER_ID)]


class CustomerChange(Body):
    """A change of a customer: a field that is missing stays as it is."""

    tier: Annotated[str | None, about("Tier, one of those of the catalogue.", "pro")] = None
    clusters: Annotated[
        Clusters | None, about("All clusters that the customer's machines may join; empty for none.", ["north"])
    ] = None


class CustomerOut(Camel):
    """The facts about a customer that decide what it may have made."""

    id: Annotated[str, about("Id of the customer.", CUSTOMER_ID)]
    name: Annotated[str, about("Name for people.", "Example Works")]
    tier: Annotated[str, about("Tier that its limits and quotas come from.", "pro")]
    clusters: Annotated[
        tuple[str, ...] | None, about("Clusters that its machines may join; null for all of them.", ["north"])
    ]


@routes.put(
    "/api/compute/v1/admin/customers/{customer_id}",
    auth=USER,
    permission=CUSTOMERS_ADMINISTER,
    scope=Scope.INSTALLATION,
    audit="tenant.change",
    counted_as="compute.admin",
    answer=CustomerOut,
    errors=(404,),
    summary="Change a customer's tier or clusters",
)
def change_customer(request: Request[CustomerPath, NoQuery, CustomerChange], services: Machines) -> CustomerOut:
    """Sets the tier of a customer and the clusters that its machines may join. New limits hold within a minute; what
    exceeds a lower quota stays. Refused with 400 for a tier or a cluster that there is not, and with 404 for an unknown
    customer: it has to register first."""
    body, customer_id = request.body, request.path.customer_id
    if body.tier is not None and services.catalogue.find_tier(body.tier) is None:
        raise invalid("tier", f"unknown. Allowed: {', '.join(one.id for one in services.catalogue.tiers)}")
    unknown = [name for name in body.clusters or () if services.fleet.find_cluster(name) is None]
    if unknown:
        raise invalid("clusters", f"not found: {', '.join(unknown)}")
    changed = services.platform.identity.change_tenant(customer_id, tier=body.tier, clusters=body.clusters)
    services.allowances.forget(customer_id)
    return CustomerOut(
        id=changed.id,
        name=changed.name,
        tier=changed.tier,
        clusters=None if changed.clusters is None else tuple(sorted(changed.clusters)),
    )

"""The clusters of the fleet that a tenant owns."""

from collections.abc import Mapping
from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import RootModel

from chalicelib.cloud.api.credentials import MEMBER, OPERATOR
from chalicelib.cloud.api.fields import Sent, Shown
from chalicelib.cloud.api.tenant_models import TenantPath
from chalicelib.cloud.permissions import TENANT_GRANT, TENANT_READ
from chalicelib.cloud.tenancy.rules import MOST_CLUSTERS
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.kit.labels import LABEL_MAX_LENGTH
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import CountedFirst, NoBody, NoQuery

routes = Endpoints(tag="Clusters")

_ID = "01a1fd8c-9bc8-7c3a-9d10-55e0a1b2c3d4"
_Name = Annotated[str, MinLen(1), MaxLen(LABEL_MAX_LENGTH)]


class ClustersSent(Sent):
    """The clusters that a tenant owns from now on."""

    clusters: Annotated[
        list[_Name], MaxLen(MOST_CLUSTERS), CountedFirst(), about("All of them by name; empty for none.", ["north"])
    ]


class OwnedClusterOut(Shown):
    """A cluster of the fleet that the tenant owns."""

    id: Annotated[str, about("UUID of the cluster, as the fleet has it.", _ID, format="uuid")]
    name: Annotated[str, about("Name of the cluster, as the fleet has it.", "north")]


class OwnedClustersOut(RootModel[tuple[OwnedClusterOut, ...]]):
    """The clusters that the tenant owns, by name."""


@routes.get(
    "/tenants/{tenant_id}/clusters",
    auth=MEMBER,
    permission=TENANT_READ,
    scope=Scope.TENANT,
    answer=OwnedClustersOut,
    summary="List the tenant's clusters",
)
def list_owned_clusters(request: Request[TenantPath, NoQuery, NoBody], services: Cloud) -> OwnedClustersOut:
    """Lists the clusters of the fleet that the operator has given the tenant. Its keys and the tokens of its service
    accounts reach these by the fleet's API, with the rights of their role and policies, and nothing else of the
    fleet."""
    return _show(services.owned_clusters.of(request.path.tenant_id))


@routes.put(
    "/tenants/{tenant_id}/clusters",
    auth=OPERATOR,
    permission=TENANT_GRANT,
    scope=Scope.INSTALLATION,
    audit="tenant.give_clusters",
    answer=OwnedClustersOut,
    errors=(404, 409),
    summary="Give a tenant clusters",
)
def give_clusters(request: Request[TenantPath, NoQuery, ClustersSent], services: Cloud) -> OwnedClustersOut:
    """Gives a tenant these clusters in place of those that it has. 409 for one that another tenant owns. For the
    operator of the installation alone, who keeps the limits of clusters and their end."""
    return _show(services.owned_clusters.give(request.path.tenant_id, request.body.clusters))


def _show(clusters: Mapping[str, str]) -> OwnedClustersOut:
    by_name = sorted(clusters.items(), key=lambda one: one[1])
    return OwnedClustersOut(tuple(OwnedClusterOut(id=cluster_id, name=name) for cluster_id, name in by_name))

"""Clusters of the fleet that the operator gives tenants: each is one tenant's, whose keys reach these and no other."""

from chalicelib.cloud.tenancy.store import OWNED
from chalicelib.fleet.api import API as EDGE_ADMIN
from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.platform.identity.tenant_store import TENANTS
from tests.simulation.cloud.people import OPERATOR, ask, some_caller, some_tenant
from tests.simulation.scene import Scene
from tests.simulation.together import beside
from tests.support.fakes.dynamo import Plan

MOST_GIVEN = 2


def give_clusters(scene: Scene) -> None:
    names = sorted({str(row["name"]) for row in scene.rows(CLUSTERS)})
    given = scene.rng.sample(names, min(len(names), scene.rng.randint(0, MOST_GIVEN)))
    path = f"/tenants/{some_tenant(scene)}/clusters"
    ask(scene, OPERATOR, "PUT", path, json={"clusters": given})


def two_tenants_are_given_clusters(scene: Scene) -> None:
    beside(scene, give_clusters, give_clusters, look_at_own_clusters)


class _Ever:
    """The clusters that each tenant ever owned, and how often any changed its tenant."""

    def __init__(self) -> None:
        self.of: dict[str, set[str]] = {}
        self.changes = 0


def note_owners(scene: Scene, _operation: str, plan: Plan) -> None:
    """A cluster goes from one tenant to another by way of none."""
    for write, _key, old, new in plan:
        if write.table is OWNED:
            ever = scene.recall(_Ever)
            ever.changes += 1
            assert old is None or new is None, f"{old['cluster_id']} was taken from the tenant {old['tenant_id']}"
            if new is not None:
                ever.of.setdefault(str(new["tenant_id"]), set()).add(str(new["cluster_id"]))


def look_at_own_clusters(scene: Scene) -> None:
    """Somebody lists the clusters that it reaches as a guest of the fleet: those of the tenant in which it works."""
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    ever, owned = scene.recall(_Ever), _owned(scene, tenant)
    before = ever.changes
    api, path = EDGE_ADMIN.name, "/api/v1/clusters"
    answer = ask(scene, by, "GET", path, needs="clusters:read", tenant=tenant, api=api, key=by.text)
    ids = {str(row["name"]): str(row["id"]) for row in scene.rows(CLUSTERS)}
    seen = {ids[each["name"]] for each in answer.data if each["name"] in ids}
    with scene.holding("guests_reach_their_own_clusters"):
        most = owned if ever.changes == before else ever.of.get(tenant, set())
        assert seen <= most, f"a guest of {tenant} sees {sorted(seen)}, which owns {sorted(most)}"


def _owned(scene: Scene, tenant: str) -> set[str]:
    return {str(row["cluster_id"]) for row in scene.rows(OWNED) if row["tenant_id"] == tenant}


def clusters_are_of_the_tenants_that_say_so(scene: Scene) -> None:
    told = {(str(row["cluster_id"]), str(row["tenant_id"])) for row in scene.rows(OWNED)}
    owned = {
        (cluster_id, str(row["id"]))
        for row in scene.rows(TENANTS)
        for cluster_id in dict(row.get("owned") or {}).get("clusters", ())  # type: ignore[call-overload]
    }
    assert told == owned, f"clusters whose owner only one table knows: {told ^ owned}"


OPERATIONS = (give_clusters, give_clusters, two_tenants_are_given_clusters, look_at_own_clusters)
INVARIANTS = (clusters_are_of_the_tenants_that_say_so,)
WATCHES = (note_owners,)
PROMISES = ("guests_reach_their_own_clusters",)

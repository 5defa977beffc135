"""Admins in the local cloud, under the real roles: the heartbeat computes, the API shows."""

from tests.e2e.cloud import granted

ADMINS = "/api/v1/admins"


def test_a_heartbeat_is_computed_and_shown(cloud, operator):
    operator.create_cluster("administered")

    cloud.sweep()

    me = operator.call("GET", f"{ADMINS}/me")["data"]
    assert me["last_computed_at"] is not None
    assert operator.call("GET", f"{ADMINS}/my_admin_cluster")["data"]["weak_leader"] == me["name"]
    [admin_cluster] = operator.call("GET", f"{ADMINS}/admin_clusters")["data"]
    assert [(admin["name"], admin["status"]) for admin in admin_cluster["admins"]] == [(me["name"], "online")]
    assert operator.call("GET", f"{ADMINS}/edge_clusters")["data"][me["name"]]["cluster-administered"] == []
    assert operator.call("GET", f"{ADMINS}/orphaned_clusters")["data"] == {}
    assert operator.call("GET", f"{ADMINS}/me/discovery")["data"] == {"name": me["name"]}
    assert any('"handled"' in line for line in cloud.function_logs("heartbeat"))
    assert cloud.function_failures() == []
    assert cloud.calls <= granted(cloud.table_prefix)

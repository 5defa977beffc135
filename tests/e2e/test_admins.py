"""Admins in the local cloud, under the real roles: the heartbeat computes, the API shows, what is too much waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.sweeper import call_scheduled
from tests.e2e.cloud import eventually, fleet, granted, logged
from tests.support.aws_clients import local_client

ADMINS = "/api/v1/admins"
ROOM = "ADMIN_MAX_WIREGUARD_PEERS"


def beat(cloud) -> None:
    """Start the heartbeat as its schedule does, and wait for it."""
    call_scheduled(local_client(cloud.emulator_url, "lambda"), [cloud.function_name("heartbeat")])


def change_setting(cloud, name: str, value: str) -> str:
    """Give it to the functions that look at it, as a deployment would; returns what it was."""
    functions = local_client(cloud.emulator_url, "lambda")
    before = ""
    for function in ("api_handler", "heartbeat"):
        deployed = cloud.function_name(function)
        variables = functions.get_function_configuration(FunctionName=deployed)["Environment"]["Variables"]
        before = variables.get(name, "")
        functions.update_function_configuration(
            FunctionName=deployed, Environment={"Variables": {**variables, name: value}}
        )
    return before


@contextmanager
def room_for(cloud, nodes: int) -> Iterator[None]:
    before = change_setting(cloud, ROOM, str(nodes))
    try:
        beat(cloud)
        yield
    finally:
        change_setting(cloud, ROOM, before)
        beat(cloud)


def test_heartbeat_assigns_clusters_and_is_shown(cloud):
    with fleet(cloud, "administered") as administered:
        get = administered.api.get
        assert administered.api.call("POST", "/api/v1/clusters", {"name": "unpeopled"}).status == 201
        machines = administered.enrol(2)

        beat(cloud)

        me = get(f"{ADMINS}/me").data
        assert me["last_computed_at"] is not None
        mine = get(f"{ADMINS}/my_admin_cluster").data
        assert (mine["weak_leader"], mine["total_admins"], mine["degraded"]) == (me["name"], 1, False)
        assert mine["total_nodes"] >= 2
        [admin_cluster] = get(f"{ADMINS}/admin_clusters").data
        assert admin_cluster["name"] == me["admin_cluster_name"]
        assert [(admin["name"], admin["status"]) for admin in admin_cluster["admins"]] == [(me["name"], "online")]
        owned = get(f"{ADMINS}/edge_clusters").data[me["name"]]
        names = sorted(f"node-{machine.node_id()}" for machine in machines)
        assert (sorted(owned["cluster-administered"]), owned["cluster-unpeopled"]) == (names, [])
        assert get(f"{ADMINS}/orphaned_clusters").data == {}
        assert get(f"{ADMINS}/me/discovery").data == {"name": me["name"]}
        assert administered.api.call("DELETE", "/api/v1/clusters/unpeopled").status == 204
    assert cloud.function_failures() == []
    assert cloud.calls <= granted(cloud.table_prefix)


def test_fleet_above_its_capacity_refuses_nodes_until_there_is_capacity(cloud):
    with fleet(cloud, "crowded") as crowded:
        api = crowded.api
        working = crowded.enrol(2)[0]
        newcomer = crowded.machine()

        with room_for(cloud, 1):
            assert api.get(f"{ADMINS}/my_admin_cluster").data["degraded"] is True
            orphaned = api.get(f"{ADMINS}/orphaned_clusters").data["cluster-crowded"]
            assert sorted(orphaned) == sorted(f"node-{node['id']}" for node in crowded.nodes())
            refused = api.call("POST", "/api/v1/clusters", {"name": "one-more"})
            assert (refused.status, refused.code) == (503, "degraded_mode")
            newcomer.start()
            eventually(lambda: logged(newcomer, "enrollment.waiting"))
            # Who is there already goes on working.
            assert crowded.only(crowded.run("echo on", working), "completed")["output"] == "on\n"
            assert not logged(newcomer, "agent.enrolled")

        eventually(lambda: logged(newcomer, "websocket.connected"))
        assert api.get(f"{ADMINS}/my_admin_cluster").data["degraded"] is False
        assert api.get("/api/v1/clusters/one-more").status == 404
    assert cloud.function_failures() == []
    assert cloud.calls <= granted(cloud.table_prefix)

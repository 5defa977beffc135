"""The fleet's operations: what each needs to succeed in a `Scene`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.schedules.store import SCHEDULES
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.web.docs.assets import asset
from infra.agent_bundle import Bundle
from infra.agent_release import publish
from tests.bench.scene import SENT, Scene
from tests.contract.bodies import REGISTRATION
from tests.contract.status_cases import NOWHERE
from tests.support.builders import machines
from tests.support.operations.table import Operations, Options
from tests.support.operations.table import Prepare as _Prepare
from tests.support.tails import watchable
from tests.support.world import BUCKET

Prepare = _Prepare[Scene]


def as_it_is(_: Scene) -> Options:
    return {}


def query(**values: Any) -> Prepare:
    return lambda _: {"query": values}


def south(_: Scene) -> Options:
    """An empty cluster."""
    return {"variables": {"cluster_name": "south"}}


def a_new_key(scene: Scene) -> Options:
    blob = scene.ask("create_key", json={}).data["key"]
    return {"json": {"key": blob, "node_id": REGISTRATION["node_id"]}}


def a_verified_machine(scene: Scene) -> Options:
    return {"json": scene.registration()}


def coming_back(scene: Scene) -> Options:
    known = {name: value for name, value in REGISTRATION.items() if name != "registration_token"}
    return {"json": {**known, "node_id": scene.app.machine.id}, "key": scene.app.token}


def another_ssh_key(_: Scene) -> Options:
    return {"json": {"key_name": "hall", "public_key": SENT["create_ssh_public_key"]["public_key"]}}


def blocked(scene: Scene) -> Options:
    scene.ask("block_node")
    return {}


def with_a_recovery_key(scene: Scene) -> Options:
    scene.ask("create_recovery_key")
    return {}


def diagnosed(scene: Scene) -> Options:
    """The node's agent makes reports, and has told one just now."""
    again = {**coming_back(scene)["json"], "features": ["diagnostics"]}
    token = scene.ask("register_node", json=again, key=scene.app.token).data["api_token"]
    scene.ask("push_diagnostics", key=token)
    return {}


def another_schedule(scene: Scene) -> Options:
    number = len(scene.world.driver.rows(SCHEDULES))
    return {"json": {**SENT["create_schedule"], "name": f"number {number}"}}


def a_schedule_of_clusters(scene: Scene) -> Options:
    """A schedule of a restricted key, which others that reach as much can see."""
    owner = scene.world.key_with(role=KeyRole.OPERATOR, restrictions=_clusters("north", "south", "main")(scene))
    made = scene.ask("create_schedule", **another_schedule(scene), key=owner).data["id"]
    return {"variables": {"schedule_id": made}}


def paused_schedule(scene: Scene) -> Options:
    options = a_schedule_of_clusters(scene)
    scene.ask("pause_schedule", **options)
    return options


def a_rollout(scene: Scene) -> Options:
    """The command of a restricted key, which others that reach as much can pause. Most of its nodes wait."""
    machines(scene.world, 2)
    scene.world.settle()
    owner = scene.world.key_with(role=KeyRole.OPERATOR, restrictions=_clusters("north", "south", "main")(scene))
    body = {**SENT["create_command"], "targeting": {"type": "all"}, "rollout": {"max_concurrency": 1}}
    made = scene.ask("create_command", json=body, key=owner).data["id"]
    scene.world.settle()
    return {"variables": {"command_id": made}}


def a_paused_rollout(scene: Scene) -> Options:
    options = a_rollout(scene)
    scene.ask("pause_command", **options)
    return options


def naming_a_secret(scene: Scene) -> Options:
    """A run of a script that uses a secret."""
    password = {"name": "PASSWORD", "type": "string", "sensitive": True, "secret": scene.variables["secret_name"]}
    scene.ask("save_script", json={"script_text": 'report "$PASSWORD"', "parameters": [password]})
    return {"json": {"targeting": {"type": "nodes", "node_ids": [scene.app.machine.id]}}}


def with_a_secret(scene: Scene) -> Options:
    """An execution of such a run."""
    made = scene.ask("run_script", **naming_a_secret(scene)).data["id"]
    scene.world.settle()
    (execution,) = scene.ask("list_executions", query={"command_id": made}).data
    return {"variables": {"execution_id": execution["id"]}}


def all_finished(scene: Scene) -> Options:
    scene.finish_all()
    return {}


def naming_its_execution(scene: Scene) -> Options:
    return {"json": {"ids": [scene.variables["execution_id"]]}}


def acknowledged(scene: Scene) -> Options:
    scene.ask("acknowledge_execution")
    return {}


def a_watchable_execution(scene: Scene) -> Options:
    _, execution_id = watchable(scene.world)
    return {"variables": {"execution_id": execution_id}}


def a_request_with_nodes(scene: Scene) -> Options:
    """A request for self-updates that has found a node; that of the scene has found none."""
    machines(scene.world, 1, self_update_enabled=True)
    scene.world.settle()
    made = scene.ask("create_self_update_request").data["id"]
    scene.world.settle()
    return {"variables": {"self_update_request_id": made}}


def all_updated(scene: Scene) -> Options:
    """A request for self-updates is completed."""
    options = a_request_with_nodes(scene)
    scene.world.clock.advance(10_801)
    scene.world.sweep("sweep_commands")
    scene.world.settle()
    return options


def told_to_update(scene: Scene) -> Options:
    """Another machine, which updates itself from the bundle and reports, has been told to."""
    (machine,) = machines(scene.world, 1, self_update_enabled=True, agent_version="1.0.0+b1")
    scene.world.settle()
    made = scene.ask("create_self_update_request").data["id"]
    scene.world.settle()
    scene.ask("check_self_update", key=machine.token)
    return {
        "variables": {"self_update_request_id": made},
        "key": machine.token,
        "json": {"status": "updated", "version": "1.0.1"},
    }


def a_published_agent(scene: Scene) -> Options:
    publish(scene.world.object_client, BUCKET, [Bundle("1.0.0", "x86_64", ("3.11",), b"an archive")])
    return {"key": scene.app.token, "query": {"architecture": "x86_64"}}


def not_heard_of_for_a_while(scene: Scene) -> Options:
    scene.world.clock.advance(100)
    return {}


def idle(_: Scene) -> Options:
    return {"query": {"status": "sent"}}


def idle_for_a_while(scene: Scene) -> Options:
    not_heard_of_for_a_while(scene)
    return idle(scene)


def reporting(kilobytes: int) -> Prepare:
    """An output that does not compress well."""
    text = "".join(f"{number * 2654435761 % 4294967291:08x}" for number in range(kilobytes * 128))

    def prepare(scene: Scene) -> Options:
        acknowledged(scene)
        return {"json": {**SENT["report_result"], "output": text}}

    return prepare


def an_asset(name: str) -> Prepare:
    return lambda _: {"variables": {"asset_name": asset(name).name}}


EDGE_ADMIN: Mapping[str, Prepare] = {
    "create_cluster": as_it_is,
    "list_clusters": as_it_is,
    "get_cluster": as_it_is,
    "update_cluster": as_it_is,
    "delete_cluster": south,
    "create_key": as_it_is,
    "create_default_key": as_it_is,
    "create_public_key": as_it_is,
    "list_keys": as_it_is,
    "get_key": as_it_is,
    "update_key": as_it_is,
    "delete_key": as_it_is,
    "list_nodes": as_it_is,
    "get_node": as_it_is,
    "update_node": as_it_is,
    "delete_node": as_it_is,
    "change_cluster": as_it_is,
    "move_node": as_it_is,
    "block_node": as_it_is,
    "unblock_node": blocked,
    "create_recovery_key": as_it_is,
    "delete_recovery_key": with_a_recovery_key,
    "diagnose_node": diagnosed,
    "show_node_metrics": as_it_is,
    "show_host_metrics": as_it_is,
    "show_agent_metrics": as_it_is,
    "show_raw_host_metrics": as_it_is,
    "show_raw_agent_metrics": as_it_is,
    "show_raw_wireguard_metrics": as_it_is,
    "discover_host_metrics": as_it_is,
    "discover_agent_metrics": as_it_is,
    "discover_wireguard_metrics": as_it_is,
    "create_alias": as_it_is,
    "list_aliases": as_it_is,
    "get_alias": as_it_is,
    "delete_alias": as_it_is,
    "create_command": as_it_is,
    "list_commands": as_it_is,
    "get_command": as_it_is,
    "cancel_command": as_it_is,
    "delete_command": all_finished,
    "retry_command": all_finished,
    "pause_command": a_rollout,
    "resume_command": a_paused_rollout,
    "stop_command": a_rollout,
    "create_schedule": another_schedule,
    "list_schedules": as_it_is,
    "get_schedule": a_schedule_of_clusters,
    "update_schedule": a_schedule_of_clusters,
    "pause_schedule": a_schedule_of_clusters,
    "resume_schedule": paused_schedule,
    "delete_schedule": a_schedule_of_clusters,
    "list_schedule_runs": a_schedule_of_clusters,
    "list_executions": as_it_is,
    "get_execution": as_it_is,
    "get_execution_output": as_it_is,
    "create_tail": a_watchable_execution,
    "delete_execution": all_finished,
    "cancel_execution": as_it_is,
    "cancel_and_get_execution": as_it_is,
    "save_script": as_it_is,
    "list_scripts": as_it_is,
    "get_script": as_it_is,
    "delete_script": as_it_is,
    "run_script": as_it_is,
    "save_secret": as_it_is,
    "list_secrets": as_it_is,
    "get_secret": as_it_is,
    "delete_secret": as_it_is,
    "create_self_update_request": as_it_is,
    "list_self_update_requests": as_it_is,
    "get_self_update_request": a_request_with_nodes,
    "list_nodes_of_self_update_request": a_request_with_nodes,
    "delete_self_update_request": all_updated,
    "create_ssh_username": as_it_is,
    "list_ssh_usernames": as_it_is,
    "get_ssh_username": as_it_is,
    "delete_ssh_username": as_it_is,
    "create_ssh_public_key": another_ssh_key,
    "list_ssh_public_keys": as_it_is,
    "get_ssh_public_key": as_it_is,
    "delete_ssh_public_key": as_it_is,
    "create_ssh_group_user": as_it_is,
    "list_ssh_group_users": as_it_is,
    "get_ssh_group_user": as_it_is,
    "update_ssh_group_user": as_it_is,
    "delete_ssh_group_user": as_it_is,
    "revoke_ssh_access": query(username="operator"),
    "create_webhook": as_it_is,
    "list_webhooks": as_it_is,
    "get_webhook": as_it_is,
    "delete_webhook": as_it_is,
    "rotate_webhook_secret": as_it_is,
    "send_test_event": as_it_is,
    "redeliver_failed": as_it_is,
    "list_deliveries": as_it_is,
    "get_delivery": as_it_is,
    "redeliver_one": as_it_is,
    "list_event_types": as_it_is,
    "publish_test_event": as_it_is,
    "explain_event_type": as_it_is,
    "show_admin": as_it_is,
    "show_admin_name": as_it_is,
    "show_admin_cluster": as_it_is,
    "list_admin_clusters": as_it_is,
    "list_edge_clusters": as_it_is,
    "list_orphaned_clusters": as_it_is,
    "show_admin_metrics": as_it_is,
    "show_raw_admin_metrics": as_it_is,
    "create_api_key": as_it_is,
    "list_api_keys": as_it_is,
    "get_api_key": as_it_is,
    "update_api_key": as_it_is,
    "rotate_api_key": as_it_is,
    "revoke_api_key": as_it_is,
    "verify_key": a_new_key,
    "register_node": a_verified_machine,
    "report_health": as_it_is,
    "leave": as_it_is,
    "push_metrics": as_it_is,
    "push_diagnostics": as_it_is,
    "create_own_alias": as_it_is,
    "list_audit_events": as_it_is,
    "list_own_executions": query(status="pending"),
    "acknowledge_execution": as_it_is,
    "acknowledge_executions": naming_its_execution,
    "report_result": acknowledged,
    "create_output_upload": as_it_is,
    "get_execution_environment": as_it_is,
    "check_self_update": as_it_is,
    "report_self_update": told_to_update,
    "get_bundle": a_published_agent,
    "get_installer": as_it_is,
    "verify_ssh_credentials": as_it_is,
    "check_ssh_sessions": as_it_is,
    "serve_assistant": lambda _: {"json": {"jsonrpc": "2.0", "id": 1, "method": "ping"}},
    "livez": as_it_is,
    "ping": as_it_is,
    "healthz": as_it_is,
    "readyz": as_it_is,
    "openapi": as_it_is,
    "list_apis": as_it_is,
    "show_guide": as_it_is,
    "show_swagger_ui": as_it_is,
    "show_api_reference": as_it_is,
    "show_event_reference": as_it_is,
    "show_asyncapi": as_it_is,
    "show_script": an_asset("swagger.js"),
    "show_style": an_asset("pages.css"),
}


def _clusters(*names: str) -> Callable[[Scene], Mapping[str, frozenset[str]]]:
    return lambda scene: {
        "clusters": frozenset(scene.world.fleet.clusters.get(name, reach=EVERYWHERE).id for name in names)
    }


def _targets(**further: Any) -> Callable[[Scene], list[tuple[Options, Options]]]:
    """Explicit targets: a node and a cluster of the scene, each beside one that does not exist."""

    def addressed(scene: Scene) -> list[tuple[Options, Options]]:
        named = [
            ({"type": "nodes", "node_ids": [scene.app.machine.id]}, {"type": "nodes", "node_ids": [NOWHERE]}),
            ({"type": "clusters", "cluster_names": ["north"]}, {"type": "clusters", "cluster_names": ["nowhere"]}),
        ]
        return [tuple({"json": {**further, "targeting": one}} for one in pair) for pair in named]

    return addressed


_UNKNOWN = {
    **dict.fromkeys(
        ("key_id", "node_id", "alias_id", "command_id", "execution_id", "schedule_id", "ssh_username_id"), NOWHERE
    ),
    **dict.fromkeys(("ssh_public_key_id", "ssh_group_user_id", "self_update_request_id"), NOWHERE),
    "cluster_name": "nowhere",
    "script_name": "nowhere",
    "secret_name": "nowhere",
    "event_type": "edge.unknown",
}

OPERATIONS = Operations(
    kind=partial(Scene, reveal_node_secrets=True),
    prepared={"Edge Admin": EDGE_ADMIN},
    reveals=frozenset({"enrollment_keys", "nodes"}),
    within=_clusters("north", "south", "main"),
    outside=_clusters("south"),
    reached={"list_clusters": 1},
    unknown=_UNKNOWN,
    addressed={
        "create_ssh_group_user": lambda _: [
            tuple({"json": {**SENT["create_ssh_group_user"], "cluster_name": name}} for name in ("north", "nowhere"))
        ],
        "create_command": _targets(command_text="true"),
        "create_self_update_request": _targets(),
    },
    always_answered=frozenset({"show_node_metrics"}),
)

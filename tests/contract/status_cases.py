"""How to make each operation give each of the statuses that its documentation names, and the words that go with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib.fleet.aliases.rules import check_name
from chalicelib.fleet.clusters.rules import below_count, check_capacity, limit_conflict, not_empty, overlapping
from chalicelib.fleet.commands import rules as commands
from chalicelib.fleet.commands.large_outputs import checksum_of
from chalicelib.fleet.commands.model import Report, Status
from chalicelib.fleet.commands.rollout import RolloutLimits
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.enrollment.rules import unusable_token
from chalicelib.fleet.labels import too_many
from chalicelib.fleet.nodes.rules import (
    already_there,
    full_cluster,
    full_network,
    no_network,
    other_network,
    unknown_network,
)
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import TargetType
from chalicelib.fleet.targeting.rules import required_for
from chalicelib.kit.errors import BLANK, EdgeError, invalid, taken
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.web.spellings import different
from tests.contract.application import NEW_NODE_ID, Application
from tests.contract.bodies import REGISTRATION
from tests.support.builders import a_cluster, a_command, machines
from tests.support.refusals import refusal

Options = Mapping[str, Any]
Setup = Callable[[Application], Options]

NOWHERE = "01900000-0000-7000-8000-0000000000ff"


def as_it_is(_: Application) -> Options:
    return {}


@dataclass(frozen=True)
class Case:
    """``said`` is the error of a 409 or 422, or some fields of the data of a success.

    ``setup`` arranges things and returns what the call needs besides the right key: ``variables`` for the path, and
    options of `Client.request`.
    """

    view: str
    status: int
    said: Any = None
    setup: Setup = as_it_is
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        fields = (self.said.details if isinstance(self.said, EdgeError) else self.said) or {}
        said = next(iter(fields.values()), "") if fields else getattr(self.said, "message", "")
        return f"{self.view}-{self.status}-{str(said)[:40]}"


def body(**values: Any) -> Setup:
    return lambda _: {"json": values}


def query(**values: Any) -> Setup:
    return lambda _: {"query": values}


def variables(**values: str) -> Setup:
    return lambda _: {"variables": values}


def both(variable: Mapping[str, str], **values: Any) -> Setup:
    return lambda _: {"variables": variable, "json": values}


def with_a_key_for_south(app: Application) -> Options:
    """Another cluster than that of the application's machine."""
    south = app.world.fleet.clusters.get("south", reach=EVERYWHERE)
    return {"key": app.world.key_with(role=KeyRole.ADMIN, restrictions={"clusters": {south.id}})}


# -- executions of the application's machine, in each state -----------------------------------------------------------


def execution_of(app: Application, command_id: str, node_id: str | None = None) -> str:
    rows = app.world.driver.rows(EXECUTIONS)
    wanted = (command_id, node_id or app.machine.id)
    return next(str(row["id"]) for row in rows if (row["command_id"], row["node_id"]) == wanted)


def acknowledged(app: Application) -> Options:
    app.world.fleet.commands.executions.acknowledge(app.machine.id, app.variables["execution_id"])
    return {}


def cancelled(app: Application) -> Options:
    app.world.fleet.commands.executions.cancel(app.variables["execution_id"], reach=EVERYWHERE)
    return {}


def reported(exit_code: int | None, *, is_expired: bool = False) -> Setup:
    def setup(app: Application) -> Options:
        report = Report(is_expired=is_expired, exit_code=exit_code)
        app.world.fleet.commands.executions.report(app.machine.id, app.variables["execution_id"], report)
        return {}

    return setup


def expired(app: Application) -> Options:
    """The deadline of a further command has passed."""
    made = a_command(app.world, expired_at=app.world.clock.now() + timedelta(seconds=30))
    app.world.settle()
    app.world.clock.advance(120)
    app.world.sweep("sweep_commands")
    app.world.settle()
    app.hear()
    return {"variables": {"execution_id": execution_of(app, made.id)}}


def anothers(app: Application) -> Options:
    other = next(row for row in app.world.driver.rows(EXECUTIONS) if row["node_id"] != app.machine.id)
    return {"variables": {"execution_id": str(other["id"])}}


def all_finished(app: Application) -> Options:
    for row in app.world.driver.rows(EXECUTIONS):
        app.world.fleet.commands.executions.cancel(str(row["id"]), reach=EVERYWHERE)
    return {}


def not_fanned_out_yet(app: Application) -> Options:
    return {"variables": {"command_id": a_command(app.world).id}}


# -- keys and registrations -------------------------------------------------------------------------------------------


def key_blob(app: Application, cluster_name: str = "north", **wanted: Any) -> str:
    service = app.world.fleet.enrollment
    return service.reveal(service.create(cluster_name, wanted, reach=EVERYWHERE)).reveal()


def verifying(**wanted: Any) -> Setup:
    return lambda app: {"json": {"key": key_blob(app, **wanted)}}


def verifying_a_spent_key(app: Application) -> Options:
    blob = key_blob(app)
    app.world.fleet.enrollment.verify(blob, None)
    return {"json": {"key": blob}}


def verifying_for_a_full_cluster(app: Application) -> Options:
    blob = key_blob(app)
    app.world.fleet.clusters.change_node_limit("north", 2, reach=EVERYWHERE)
    return {"json": {"key": blob}}


def registering(**changes: Any) -> Setup:
    def setup(app: Application) -> Options:
        token = app.world.fleet.enrollment.verify(key_blob(app), None).registration_token
        return {"json": {**REGISTRATION, "registration_token": token, **changes}, "key": None}

    return setup


def registering_in_a_full_cluster(app: Application) -> Options:
    options = registering()(app)
    app.world.fleet.clusters.change_node_limit("north", 2, reach=EVERYWHERE)
    return options


def registering_in_a_deleted_cluster(app: Application) -> Options:
    a_cluster(app.world, "brief")
    token = app.world.fleet.enrollment.verify(key_blob(app, "brief"), None).registration_token
    app.world.fleet.clusters.delete("brief", reach=EVERYWHERE)
    return {"json": {**REGISTRATION, "network_name": "cluster-brief", "registration_token": token}, "key": None}


def coming_back(app: Application) -> Options:
    sent = {name: value for name, value in REGISTRATION.items() if name != "registration_token"}
    return {"json": {**sent, "node_id": app.machine.id}, "key": app.token}


def default_cluster_deleted(app: Application) -> Options:
    app.world.fleet.clusters.delete("main", reach=EVERYWHERE)
    return {}


def south_is_full(app: Application) -> Options:
    machines(app.world, 1, "south")
    app.world.fleet.clusters.change_node_limit("south", 1, reach=EVERYWHERE)
    return {"json": {"cluster_name": "south"}}


NOT_THERE = variables(
    cluster_name="nowhere",
    **dict.fromkeys(("key_id", "node_id", "alias_id", "command_id", "execution_id"), NOWHERE),
)
REFUSED_KEY = {"verified": False, "netmaker_key": "", "network_name": ""}

_AUGUST = {"Edge-Api-Revision": "2026-08-19"}

CLUSTERS = [
    Case("create_cluster", 201, {"name": "west", "ipv4_range": "8.0.0.0/24", "node_limit": 5, "node_count": 0}),
    Case("create_cluster", 201, {"ipv4_range": "100.64.3.0/24", "node_limit": None}, body(name="west")),
    Case("create_cluster", 409, taken("name"), body(name="north")),
    Case("create_cluster", 409, overlapping("100.64.0.0/10"), body(name="west", ipv4_range="100.64.0.0/10")),
    Case("create_cluster", 422, invalid("name", "is reserved"), body(name="default")),
    Case("list_clusters", 200),
    Case("get_cluster", 200, {"name": "north", "node_count": 2, "network_name": "cluster-north"}),
    Case("get_cluster", 404, None, NOT_THERE),
    Case("update_cluster", 200, {"node_limit": 2}, body(node_limit=2)),
    Case("update_cluster", 404, None, NOT_THERE),
    Case("update_cluster", 422, below_count(2), body(node_limit=1)),
    Case(
        "update_cluster", 409, limit_conflict(below_count(2)), lambda _: {"json": {"node_limit": 1}, "headers": _AUGUST}
    ),
    Case("delete_cluster", 202, None, lambda _: {"variables": {"cluster_name": "south"}, "headers": _AUGUST}),
    Case("update_cluster", 422, refusal(check_capacity, 237, 24, 20), body(node_limit=237)),
    Case("delete_cluster", 204, None, variables(cluster_name="south")),
    Case("delete_cluster", 404, None, NOT_THERE),
    Case("delete_cluster", 409, not_empty(2)),
]

_NO_DEFAULT = {"default_cluster_name": None}

_TWO_DEADLINES = (
    invalid("expires_at", different("expired_at")),
    body(expired_at="2026-12-01T00:00:00Z", expires_at="2026-12-02T00:00:00Z"),
)

ENROLLMENT_KEYS = [
    Case("create_key", 422, *_TWO_DEADLINES),
    Case("create_default_key", 422, *_TWO_DEADLINES),
    Case("update_key", 422, *_TWO_DEADLINES),
    Case("create_key", 201, {"cluster_name": "north", "uses_remaining": 3}),
    Case("create_key", 201, {"name": None, "uses_remaining": None}, body(name="", uses_remaining=None)),
    Case("create_key", 404, None, NOT_THERE),
    Case("create_default_key", 201, {"cluster_name": "main"}),
    Case("create_default_key", 403, None, settings=_NO_DEFAULT),
    Case("create_default_key", 404, None, default_cluster_deleted),
    Case(
        "create_public_key",
        201,
        {"cluster_name": "main", "name": None, "uses_remaining": 1, "expired_at": "2026-11-22T10:00:00Z"},
    ),
    Case("create_public_key", 403, None, settings=_NO_DEFAULT),
    Case("create_public_key", 403, None, settings={"public_enrollment_key_enabled": False}),
    Case("create_public_key", 404, None, default_cluster_deleted),
    Case("list_keys", 200),
    Case("get_key", 200, {"cluster_name": "north", "uses_remaining": 1}),
    Case("get_key", 404, None, NOT_THERE),
    Case("update_key", 200, {"uses_remaining": 3, "name": None}, body(uses_remaining=3, name=None)),
    Case("update_key", 200, {"expired_at": "2020-01-01T00:00:00Z"}, body(expired_at="2020-01-01T01:00:00+01:00")),
    Case("update_key", 404, None, NOT_THERE),
    Case("delete_key", 204),
    Case("delete_key", 404, None, NOT_THERE),
]

NODES = [
    Case("list_nodes", 200),
    Case("get_node", 200, {"cluster_name": "north", "status": "healthy"}),
    Case("get_node", 404, None, NOT_THERE),
    Case("delete_node", 204),
    Case("delete_node", 404, None, NOT_THERE),
    Case("block_node", 200, {"is_node": True, "blocked_at": "2026-11-21T10:00:00Z"}),
    Case("unblock_node", 200, {"is_node": True, "blocked_at": None}),
    *(Case(view, 404, None, with_a_key_for_south) for view in ("block_node", "unblock_node")),
    Case("create_recovery_key", 201),
    Case("create_recovery_key", 404, None, NOT_THERE),
    Case("delete_recovery_key", 204),
    Case("delete_recovery_key", 404, None, NOT_THERE),
    Case("update_node", 200, {"labels": {"env": "prod"}}),
    Case("update_node", 404, None, NOT_THERE),
    Case("update_node", 422, too_many(), body(labels={f"n{number}": "x" for number in range(21)})),
    Case("change_cluster", 200, {"cluster_name": "south"}),
    Case("move_node", 200, {"cluster_name": "south"}),
    Case("move_node", 404, None, NOT_THERE),
    Case("move_node", 409, already_there(), body(cluster_name="north")),
    Case("move_node", 422, invalid("cluster_name", "not found"), body(cluster_name="nowhere")),
    Case("change_cluster", 404, None, NOT_THERE),
    Case("change_cluster", 409, already_there(), body(cluster_name="north")),
    Case("change_cluster", 409, full_cluster(1), south_is_full),
    Case("change_cluster", 422, invalid("cluster_name", "not found"), body(cluster_name="nowhere")),
]

ALIASES = [
    Case("create_alias", 201, {"name": "web", "cluster_name": "north"}),
    Case("create_alias", 404, None, NOT_THERE),
    Case("create_alias", 409, taken("name"), body(name="door")),
    Case("create_alias", 422, refusal(check_name, NEW_NODE_ID), body(name=NEW_NODE_ID)),
    Case("list_aliases", 200),
    Case("get_alias", 200, {"name": "door", "vpn_hostname": "node-door.cluster-north.nm.internal"}),
    Case("get_alias", 404, None, NOT_THERE),
    Case("delete_alias", 204),
    Case("delete_alias", 404, None, NOT_THERE),
    Case("create_own_alias", 201, {"name": "web"}),
    Case("create_own_alias", 409, taken("name"), body(name="door")),
    Case("create_own_alias", 422, refusal(check_name, "-"), body(name="-")),
]

_ALL = {"type": "all"}


def again_with_a_blank_text(app: Application) -> Options:
    return {**all_finished(app), "json": {"outcomes": ["cancelled"], "command_text": " "}}


def a_rollout(app: Application) -> Options:
    made = a_command(app.world, "true", rollout=RolloutLimits())
    app.world.settle()
    return {"variables": {"command_id": made.id}}


_UPLOAD = {"size": 65_536, "sha256": "0" * 64}

COMMANDS = [
    Case("create_command", 201, {"targeting": _ALL, "timeout": None}, body(command_text="true", targeting=_ALL)),
    Case("create_command", 422, invalid("command_text", BLANK), body(command_text=" \n", targeting=_ALL)),
    Case(
        "create_command",
        422,
        invalid("expired_at", commands.DEADLINE_PASSED),
        body(command_text="true", targeting=_ALL, expired_at="2026-11-21T10:00:00Z"),
    ),
    Case(
        "create_command",
        422,
        invalid("node_ids", required_for(TargetType.NODES)),
        body(command_text="true", targeting={"type": "nodes", "node_ids": []}),
    ),
    Case(
        "create_command",
        422,
        invalid("cluster_names", required_for(TargetType.CLUSTERS)),
        body(command_text="true", targeting={"type": "clusters", "cluster_names": []}),
    ),
    Case("list_commands", 200),
    Case("get_command", 200, {"command_text": "true"}),
    Case("get_command", 404, None, NOT_THERE),
    Case("cancel_command", 202, {"result": "cancellation requested"}),
    Case("cancel_command", 404, None, NOT_THERE),
    Case("retry_command", 201, {"state": "creating"}, all_finished),
    Case("retry_command", 404, None, NOT_THERE),
    Case("retry_command", 409, commands.nothing_to_retry(["cancelled"])),
    Case("retry_command", 422, invalid("command_text", BLANK), again_with_a_blank_text),
    Case("pause_command", 200, {"command_text": "true"}, a_rollout),
    Case("pause_command", 404, None, NOT_THERE),
    Case("pause_command", 409, commands.no_rollout()),
    Case("resume_command", 200, {"command_text": "true"}, a_rollout),
    Case("resume_command", 404, None, NOT_THERE),
    Case("resume_command", 409, commands.no_rollout()),
    Case("stop_command", 200, {"command_text": "true"}, a_rollout),
    Case("stop_command", 404, None, NOT_THERE),
    Case("stop_command", 409, commands.no_rollout()),
    Case("delete_command", 204, None, all_finished),
    Case("delete_command", 404, None, NOT_THERE),
    Case("delete_command", 409, commands.command_delete_refused(2)),
    Case("delete_command", 409, commands.command_delete_refused_while_created(), not_fanned_out_yet),
]

EXECUTIONS_OF_OPERATORS = [
    Case("list_executions", 200),
    Case("get_execution", 200, {"status": "pending"}),
    Case("get_execution", 200, {"status": "expired", "exit_code": None}, expired),
    Case("get_execution", 404, None, NOT_THERE),
    Case("delete_execution", 204, None, cancelled),
    Case("delete_execution", 204, None, expired),
    Case("delete_execution", 404, None, NOT_THERE),
    Case("delete_execution", 409, commands.delete_refused(Status.PENDING)),
    Case("delete_execution", 409, commands.delete_refused(Status.SENT), acknowledged),
    Case("cancel_execution", 200, {"result": "execution cancelled"}),
    Case("cancel_and_get_execution", 200, {"status": "cancelled"}),
    Case("cancel_and_get_execution", 202, None, lambda app: {**acknowledged(app), "headers": _AUGUST}),
    Case("cancel_and_get_execution", 404, None, NOT_THERE),
    Case("cancel_and_get_execution", 409, commands.cancel_refused(Status.CANCELLED), cancelled),
    Case("cancel_execution", 200, {"result": "cancellation request sent"}, acknowledged),
    Case("cancel_execution", 404, None, NOT_THERE),
    Case("cancel_execution", 409, commands.cancel_refused(Status.COMPLETED), reported(0)),
    Case("cancel_execution", 409, commands.cancel_refused(Status.CANCELLED), cancelled),
    Case("cancel_execution", 409, commands.cancel_refused(Status.EXPIRED), expired),
]

AGENT_ENROLMENT = [
    Case("verify_key", 200, {"verified": True, "error": "", "network_name": "cluster-north"}, verifying()),
    Case("verify_key", 200, {**REFUSED_KEY, "error": "invalid_key"}),
    Case("verify_key", 200, {**REFUSED_KEY, "error": "key_expired"}, verifying(expired_at="2026-11-21T09:59:59Z")),
    Case("verify_key", 200, {**REFUSED_KEY, "error": "key_spent"}, verifying_a_spent_key),
    Case("verify_key", 200, {**REFUSED_KEY, "error": "node_limit_reached"}, verifying_for_a_full_cluster),
    Case("verify_key", 422, invalid("key", BLANK), body(key=" ")),
    Case("register_node", 201, {"node_id": NEW_NODE_ID, "derp_map_url": None}, registering()),
    Case("register_node", 201, {"admin_urls": ["http://api.test"]}, coming_back),
    Case("register_node", 422, no_network(), registering(network_name="north")),
    Case("register_node", 422, other_network(), registering(network_name="cluster-south")),
    Case("register_node", 422, unknown_network(), registering_in_a_deleted_cluster),
    Case("register_node", 422, full_network(2), registering_in_a_full_cluster),
    Case("register_node", 422, unusable_token(), registering(registration_token="t")),
    Case("register_node", 422, unusable_token(), registering(registration_token=None)),
    Case("leave", 200),
    Case("report_health", 200, {"status": "unhealthy"}, body(status="unhealthy")),
]

_PENDING = query(status="pending")


def with_body(setup: Setup, **values: Any) -> Setup:
    return lambda app: {**setup(app), "json": values}


_DONE = {"status": "completed", "exit_code": 0}

EXECUTIONS_OF_AGENTS = [
    Case("list_own_executions", 200, None, _PENDING),
    Case("create_output_upload", 201, {"headers": {"x-amz-checksum-sha256": checksum_of("0" * 64)}}),
    Case("create_output_upload", 403, None, with_body(anothers, **_UPLOAD)),
    Case("create_output_upload", 404, None, with_body(NOT_THERE, **_UPLOAD)),
    Case(
        "create_output_upload",
        409,
        commands.report_refused(Status.COMPLETED, 0),
        with_body(reported(0), **_UPLOAD),
    ),
    Case("get_execution_environment", 200, {"environment": {}}),
    Case("get_execution_environment", 403, None, anothers),
    Case("get_execution_environment", 404, None, NOT_THERE),
    Case("get_execution_environment", 409, commands.environment_refused(Status.COMPLETED), reported(0)),
    Case("acknowledge_execution", 200, {"status": "sent"}),
    Case("acknowledge_execution", 403, None, anothers),
    Case("acknowledge_execution", 404, None, NOT_THERE),
    Case("acknowledge_execution", 409, commands.acknowledge_refused(Status.SENT), acknowledged),
    Case("acknowledge_execution", 409, commands.acknowledge_refused(Status.COMPLETED), reported(0)),
    Case("acknowledge_execution", 409, commands.acknowledge_refused(Status.CANCELLED), cancelled),
    Case("acknowledge_execution", 409, commands.acknowledge_refused(Status.EXPIRED), expired),
    Case("acknowledge_executions", 200, {"acknowledged": [], "refused": [{"id": NOWHERE, "status": None}]}),
    Case("report_result", 200, {"status": "completed", "exit_code": 0}),
    Case("report_result", 200, {"status": "cancelled"}, with_body(acknowledged, status="completed", exit_code=143)),
    Case("report_result", 200, {"status": "completed"}, with_body(expired, **_DONE)),
    Case("report_result", 200, {"status": "completed"}, with_body(reported(None, is_expired=True), **_DONE)),
    Case("report_result", 403, None, with_body(anothers, **_DONE)),
    Case("report_result", 404, None, with_body(NOT_THERE, **_DONE)),
    Case("report_result", 409, commands.report_refused(Status.COMPLETED, 0), with_body(reported(0), **_DONE)),
    Case("report_result", 409, commands.report_refused(Status.COMPLETED, None), with_body(reported(None), **_DONE)),
    Case("report_result", 409, commands.report_refused(Status.CANCELLED, 143), with_body(reported(143), **_DONE)),
    Case(
        "report_result",
        409,
        commands.report_refused(Status.EXPIRED, 1),
        with_body(reported(1, is_expired=True), **_DONE),
    ),
]

HEALTH = [
    Case("livez", 200),
    Case("ping", 200),
    Case("healthz", 200),
    Case("readyz", 200),
    Case("openapi", 200),
    Case("openapi", 304, None, lambda _: {"headers": {"If-None-Match": "*"}}),
    Case("openapi", 404, None, settings={"api_docs_enabled": False}),
]

CASES = [
    *CLUSTERS,
    *ENROLLMENT_KEYS,
    *NODES,
    *ALIASES,
    *COMMANDS,
    *EXECUTIONS_OF_OPERATORS,
    *AGENT_ENROLMENT,
    *EXECUTIONS_OF_AGENTS,
    *HEALTH,
]

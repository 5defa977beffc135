"""Hosted nodes of two tenants: made, acted on and destroyed by several at once. Each build comes to one end, each node
is what its machine is, and of a destroyed one nothing is left."""

from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables.tenants import owner_of
from chalicelib.machines.api import HOSTED_API
from chalicelib.machines.hosted.model import Action, BuildStatus, HostedNode, NewNode, Phase, Status
from chalicelib.machines.hosted.rules import GRACE
from chalicelib.machines.hosted.service import HostedNodes
from chalicelib.machines.hosted.store import TABLE, from_item
from chalicelib.machines.instances.model import INSTANCE
from chalicelib.machines.instances.model import Status as InstanceStatus
from chalicelib.machines.instances.rules import status_of
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.provisioning.model import Resource
from chalicelib.platform.webhooks.store import DELIVERIES, WEBHOOKS
from infra.agent_bundle import Bundle
from infra.agent_release import publish
from tests.simulation.engine.ec2 import NETWORKS
from tests.simulation.engine.gateway import IDEMPOTENCY_KEY, REPEATED_BY, Exchange
from tests.simulation.machines import exports
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.simulation.together import beside
from tests.support.builders import a_customer
from tests.support.fakes.dynamo import Plan
from tests.support.world import BUCKET

CUSTOMER = "guests"
"""A tenant that may have two instances. The other one is the operator's."""

ACTIONS = (Action.START, Action.STOP, Action.UPGRADE)
MOSTLY = 0.8
"""The share of actions that could succeed: on a node to which nothing is being done, and that its status allows."""

RECEIVERS = ("", "https://hooks.example/nodes", "https://hooks.example/others")
VERSIONS = ("0.2.0", "0.3.0")
"""The one that agents run, and a newer one."""

STARTING_VIEWS = frozenset({"upgrade_hosted_node", "start_hosted_node", "stop_hosted_node"})
OK = 200
LATE = GRACE + timedelta(minutes=4)
"""How long after its time a build may be looked at: the sweep comes once a minute, and its message takes its time."""

PHASES = tuple(Phase)
AT_REST = frozenset({Status.RUNNING, Status.PAUSED, Status.FAILED, Status.DESTROYED})
STATUSES = {
    InstanceStatus.RUNNING: Status.RUNNING,
    InstanceStatus.STOPPED: Status.PAUSED,
}
"""The status of a node by that of its instance at rest; in all others it has failed."""

_ENDED = frozenset({InstanceStatus.TERMINATED, InstanceStatus.FAILED})
ENDS = {
    Action.CREATE: _ENDED | {InstanceStatus.RUNNING},
    Action.START: _ENDED,
    Action.STOP: _ENDED | {InstanceStatus.STOPPED},
    Action.DESTROY: _ENDED,
}
"""The statuses of an instance for which a build does not wait any longer."""


def _hosted(scene: Scene) -> list[tuple[str, HostedNode]]:
    """All hosted nodes, each with its tenant."""
    rows = [(owner_of(str(row["shelf"]))[0].id, from_item(row)) for row in scene.rows(TABLE)]
    return sorted(rows, key=lambda row: row[1].id)


def _some_node(scene: Scene, node_id: str = "") -> tuple[str, HostedNode]:
    """The one of this id, or else one that is not destroyed, if there is any, and mostly one to which nothing is being
    done. Raises `NothingThereError`."""
    rows = [row for row in _hosted(scene) if node_id in {"", row[1].id}]
    pool = [row for row in rows if row[1].status is not Status.DESTROYED] or rows
    idle = [row for row in pool if not row[1].build.is_under_way]
    if idle and scene.rng.random() < MOSTLY:
        pool = idle
    if not pool:
        raise NothingThereError(TABLE.name)
    return scene.rng.choice(pool)


def offer_hosting(scene: Scene) -> None:
    """There is a network, and a customer who may use it."""
    networks = {str(row["name"]) for row in scene.rows(CLUSTERS)}
    if not networks:
        scene.fleet.clusters.create(scene.rng.choice(NETWORKS), None, None)
    a_customer(scene.world, CUSTOMER, tier="free", clusters=NETWORKS)


def publish_a_version(scene: Scene) -> None:
    version = scene.rng.choice(VERSIONS)
    with suppress(BotoCoreError, ClientError):  # S3 is in trouble
        publish(scene.world.object_client, BUCKET, [Bundle(version, "x86_64", ("3.11",), version.encode())])


def create_hosted_node(scene: Scene) -> None:
    networks = sorted({str(row["name"]) for row in scene.rows(CLUSTERS)} & {*NETWORKS})
    name, network, url = scene.some_name(), scene.rng.choice(networks or NETWORKS), scene.rng.choice(RECEIVERS)
    wanted = NewNode(name=name, network=network, webhook_url=url)
    body = {"name": name, "network": network, "settings": {"webhookUrl": url}}
    tenant = scene.rng.choice((DEFAULT_TENANT, CUSTOMER))
    _ask(scene, tenant, ("POST", "/api/nodes"), body, lambda nodes: nodes.create(CUSTOMER, "", wanted))


def act_on_hosted_node(scene: Scene, node_id: str = "") -> None:
    tenant, node = _some_node(scene, node_id)
    fitting = (Action.STOP, Action.UPGRADE) if node.status is Status.RUNNING else (Action.START,)
    action = scene.rng.choice(fitting if scene.rng.random() < MOSTLY else ACTIONS)
    path = f"/api/nodes/{node.id}/{action.lower()}"
    _ask(scene, tenant, ("POST", path), None, lambda nodes: nodes.begin(tenant, node.id, action))


def change_receiver(scene: Scene, node_id: str = "") -> None:
    tenant, node = _some_node(scene, node_id)
    url = scene.rng.choice(RECEIVERS)
    path, body = f"/api/nodes/{node.id}/settings", {"settings": {"webhookUrl": url}}
    _ask(scene, tenant, ("POST", path), body, lambda nodes: nodes.set_webhook(tenant, node.id, url))


def destroy_hosted_node(scene: Scene, node_id: str = "") -> None:
    tenant, node = _some_node(scene, node_id)
    body = {"destroyNodeId": node.id}
    _ask(scene, tenant, ("DELETE", "/api/nodes"), body, lambda nodes: nodes.begin(tenant, node.id, Action.DESTROY))


def several_act_on_a_hosted_node(scene: Scene) -> None:
    acts = (act_on_hosted_node, act_on_hosted_node, change_receiver, destroy_hosted_node)
    beside(scene, *scene.rng.sample(acts, 3), node_id=_some_node(scene)[1].id)


def a_network_comes_or_goes(scene: Scene) -> None:
    name = scene.rng.choice(NETWORKS)
    if name in {row["name"] for row in scene.rows(CLUSTERS)}:
        scene.fleet.clusters.delete(name, reach=EVERYWHERE)
    else:
        scene.fleet.clusters.create(name, None, None)


def new_machines_end(scene: Scene) -> None:
    """What EC2 starts in the next minutes ends before it runs."""
    ec2 = scene.world.machine_client

    def become(reason: str) -> None:
        ec2.dies_at_start = reason

    become("Server.InternalError")
    scene.world.timeline.after(scene.rng.choice((60, 600)), lambda: become(""))
    scene.mends.append(lambda: become(""))


def _ask(
    scene: Scene, tenant: str, route: tuple[str, str], body: Any, use_case: Callable[[HostedNodes], object]
) -> None:
    """The operator asks the API; the customer, who has no key here, what is behind it."""
    if tenant == CUSTOMER:
        use_case(scene.world.platform.container(Machines).hosted.nodes)
    else:
        scene.ask(*route, api=HOSTED_API.name, **({} if body is None else {"json": body}))


# -- what holds ------------------------------------------------------------------------------------------------------


class _Builds:
    """What was written about builds: those that each request began, by its ``Idempotency-Key``; how often the receiver
    of a node was to be told a status; the nodes whose receiver has been taken away."""

    def __init__(self) -> None:
        self.begun: defaultdict[str, set[str]] = defaultdict(set)
        self.told: Counter[str] = Counter()
        self.without_receiver: set[str] = set()


def builds_follow_each_other(scene: Scene, _operation: str, plan: Plan) -> None:
    """One after the other: each goes on through its phases, ends once, keeps its end, and says why it failed. A
    destroyed node changes no more."""
    builds = scene.recall(_Builds)
    for write, _, old, new in plan:
        if write.table is WEBHOOKS and new is None and old is not None:
            builds.without_receiver.add(str(old["id"]))
        if write.table is not TABLE or new is None:
            continue
        after = from_item(new)
        before = None if old is None else from_item(old)
        began = before is None or before.build.id != after.build.id
        if began and (repeated_by := REPEATED_BY.get()):
            begun = builds.begun[repeated_by]
            begun.add(after.build.id)
            assert len(begun) == 1, f"a request and its repeats began the builds {sorted(begun)}"
        if before is not None:
            builds.told[after.id] += bool(after.webhook_url) and before.told != after.told
            _check_next(before, after)


def _check_next(before: HostedNode, after: HostedNode) -> None:
    old, new = before.build, after.build
    told = f"{after.id}: {old.action} {old.number} {old.status} {old.phase}, then {new.action} {new.number}"
    assert before.status is not Status.DESTROYED or after.status is Status.DESTROYED, f"{told}: it came back"
    if new.id != old.id:
        assert not old.is_under_way, f"{told}: it began while another was under way"
        assert new.number == old.number + 1, f"{told}: builds are not counted"
        assert after.builds[-2] == old, f"{told}: the one before was changed"
        return
    assert old.is_under_way or new == old, f"{told}: a build that has ended was changed"
    assert PHASES.index(new.phase) >= PHASES.index(old.phase), f"{told}: from {old.phase} back to {new.phase}"
    assert new.status is not BuildStatus.FAILURE or new.reason, f"{told}: it failed without a reason"


def each_accepted_action_is_a_build(scene: Scene, exchange: Exchange) -> None:
    """What was answered as begun has begun."""
    view = None if exchange.endpoint is None else exchange.endpoint.view.__name__
    key = (exchange.options.get("headers") or {}).get(IDEMPOTENCY_KEY, "")
    if view in STARTING_VIEWS and exchange.answer.status == OK:
        assert scene.recall(_Builds).begun[key], f"{exchange}: no build has begun"


def no_build_is_stuck(scene: Scene) -> None:
    """One that is under way waits for something that may still come, before its deadline, and is looked at again."""
    instances, now = _instances(scene), scene.world.clock.now()
    for tenant, node in _hosted(scene):
        build = node.build
        if not build.is_under_way:
            continue
        told = f"{build.action} of {node.id} of {tenant} is {build.phase}: {build.reason}"
        assert to_seconds_text(now - LATE) <= build.deadline_at, f"{told}, beyond its deadline"
        assert node.due_at is not None, f"{told}, and nobody looks at it again"
        assert to_seconds_text(now - LATE) <= node.due_at, f"{told}, and nobody has looked since {node.due_at}"
        instance = instances.get(node.id)
        assert not _is_done(scene, build.action, instance), f"{told}, and is done"


def _is_done(scene: Scene, action: Action, instance: Resource | None) -> bool:
    """Whether a build of this action has nothing to wait for any more."""
    status = InstanceStatus.TERMINATED if instance is None else status_of(instance)
    match action:
        case Action.UPGRADE:
            return False
        case Action.START if status is InstanceStatus.RUNNING and instance is not None:
            return instance.observed.get("node_status") == "healthy"
        case Action.START | Action.CREATE | Action.STOP | Action.DESTROY:
            return status in ENDS[action]
        case _:
            return True


def nodes_are_as_their_machines(scene: Scene) -> None:
    """Without a build under way. One whose first build failed has failed, whatever became of its machine."""
    instances = _instances(scene)
    for tenant, node in _hosted(scene):
        if node.build.is_under_way:
            continue
        told = f"{node.id} of {tenant} is {node.status} after {node.build.action} {node.build.status}"
        assert node.status in AT_REST, f"{told}, with nothing under way"
        assert node.status is not Status.FAILED or node.reason, f"{told}, and does not say why"
        instance = instances.get(node.id)
        if node.status is not Status.DESTROYED and node.is_initialized:
            expected = Status.FAILED if instance is None else STATUSES.get(status_of(instance), Status.FAILED)
            has_failed = node.build.action is Action.DESTROY and node.status is Status.FAILED
            assert node.status is expected or has_failed, f"{told}, and its machine is {expected}"


def nothing_is_left_of_destroyed_nodes(scene: Scene) -> None:
    """But what a worker made that had paused beyond its lease: a machine, or a key, which has expired soon after."""
    destroyed = {node.id for _, node in _hosted(scene) if node.status is Status.DESTROYED}
    ec2, keys = scene.world.machine_client, {row["id"] for row in scene.rows(ENROLLMENT_KEYS)}
    left = {
        "an instance": {row.id for row in _instances(scene).values() if not row.is_released},
        "a machine": {each.request.get("ClientToken") for each in ec2.alive() if each.id not in ec2.came_late},
        "a node": {row["id"] for row in scene.rows(NODES)},
    }
    if "pause" not in scene.faults:
        left["an enrollment key"] = {machine.id for machine in scene.machines if machine.key_id in keys}
    for name, ids in left.items():
        assert not destroyed & ids, f"destroyed, and have {name}: {sorted(destroyed & ids)}"


def each_status_is_told_once(scene: Scene) -> None:
    """To the receiver of a node, for as long as it has had one."""
    builds = scene.recall(_Builds)
    events: defaultdict[str, set[str]] = defaultdict(set)
    for row in scene.rows(DELIVERIES):
        events[str(row["webhook_id"])].add(str(row["event_id"]))
    receivers = {str(row["id"]) for row in scene.rows(WEBHOOKS)} - builds.without_receiver
    for _, node in _hosted(scene):
        if node.id in receivers:
            told, expected = len(events[node.id]), builds.told[node.id]
            assert told == expected, f"{node.id} has had {expected} statuses, its receiver was to be told {told}"


def _instances(scene: Scene) -> dict[str, Resource]:
    return {row.id: row for row in scene.world.rows() if row.kind == INSTANCE}


SIMULATION = Simulation(
    openings=(offer_hosting, create_hosted_node),
    operations=(
        *(create_hosted_node, act_on_hosted_node, act_on_hosted_node, change_receiver, destroy_hosted_node),
        *(several_act_on_a_hosted_node, publish_a_version, a_network_comes_or_goes),
        *exports.OPERATIONS,
    ),
    invariants=(
        no_build_is_stuck,
        nodes_are_as_their_machines,
        nothing_is_left_of_destroyed_nodes,
        each_status_is_told_once,
        *exports.INVARIANTS,
    ),
    watches=(builds_follow_each_other, *exports.WATCHES),
    ears=(each_accepted_action_is_a_build,),
    faults=(new_machines_end,),
)

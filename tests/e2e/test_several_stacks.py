"""A further stack beside the core, under the real roles: it delivers to the clusters that it owns, until it falls
silent."""

import time
from datetime import timedelta

import pytest

from chalicelib.fleet.admins.rules import LIVE_FOR
from chalicelib.kit.clock import SystemClock, to_seconds_text
from infra.local.agents import SampleAgents
from infra.local.further import FurtherStack
from infra.local.operator_api import Operator
from infra.local.sweeper import call_scheduled
from tests.e2e.cloud import FURTHER, eventually, granted, logged
from tests.support.aws_clients import local_client

CLUSTERS = [f"stacks-{number}" for number in range(4)]
OWNERS = "/api/v1/admins/edge_clusters"
DELIVERED_SECONDS = 5.0
"""A command has run by then: all that may be late is the line of the log."""

REACHING = {"PUSH_ENABLED": "true", "PUSH_HOST": "127.0.0.1"}


def owned_by(operator, admin_name):
    """Those of our clusters that an admin owns."""
    networks = operator.call("GET", OWNERS)["data"].get(admin_name, {})
    return [name for name in CLUSTERS if f"cluster-{name}" in networks]


def run_on(operator, cluster_name):
    """A command for a cluster of one node, run to its end; returns the id of the request."""
    targeting = {"type": "clusters", "cluster_names": [cluster_name]}
    answer = operator.call("POST", "/api/v1/commands", {"command_text": "echo done", "targeting": targeting})
    command_id = answer["data"]["id"]
    eventually(lambda: [each["output"] for each in operator.executions_of(command_id)] == ["done\n"])
    return answer["meta"]["request_id"]


def delivered(stack, request_id):
    """How many messages of this request a stack's worker has handled."""
    lines = stack.function_logs("deliver_commands")
    return sum('"handled"' in line and request_id in line for line in lines)


def is_delivered_by(stack, request_id):
    """Whether this stack delivers it, within seconds. It may be the other one: for some seconds each relay believes
    what it has read of owners, and what it hands to a stack that is gone is fetched by the agent itself."""
    deadline = time.monotonic() + DELIVERED_SECONDS
    while not (count := delivered(stack, request_id)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert count <= 1
    return count == 1


def tick(cloud):
    """The core's minute, as far as owners are concerned."""
    call_scheduled(
        local_client(cloud.emulator_url, "lambda"),
        [cloud.function_name(name) for name in ("heartbeat", "sweep_commands")],
    )


def fall_silent(cloud, admin_name):
    """As if the admin had last been heard three ticks ago."""
    local_client(cloud.emulator_url, "dynamodb").update_item(
        TableName=f"{cloud.table_prefix}admins",
        Key={"kind": {"S": "admin"}, "name": {"S": admin_name}},
        UpdateExpression="SET last_seen_at = :then",
        ExpressionAttributeValues={
            ":then": {"S": to_seconds_text(SystemClock().now() - LIVE_FOR - timedelta(seconds=1))}
        },
    )


def forget(cloud, admin_name):
    """Other tests of this cloud know one admin."""
    key = {"kind": {"S": "admin"}, "name": {"S": admin_name}}
    local_client(cloud.emulator_url, "dynamodb").delete_item(TableName=f"{cloud.table_prefix}admins", Key=key)


def clusters_made(operator):
    for name in CLUSTERS:
        operator.create_cluster(name)


def clusters_removed(operator):
    for node in operator.nodes():
        if node["cluster_name"] in CLUSTERS:
            operator.call("DELETE", f"/api/v1/nodes/{node['id']}")
    for name in CLUSTERS:
        operator.call("DELETE", f"/api/v1/clusters/{name}")


# Slow: a second stack is deployed. Owners and their silence are tried in process (`tests/workers/fleet/admins`).
@pytest.mark.slow
def test_owner_stack_delivers_commands_until_its_heartbeats_stop(cloud, operator):
    with SampleAgents(cloud.folder) as agents:
        with FurtherStack(cloud, FURTHER, REACHING) as further:
            clusters_made(operator)
            further.beat()
            tick(cloud)
            far, near = owned_by(operator, further.admin_name)[0], owned_by(operator, "admin-default")[0]
            there = Operator(further.url, cloud.master_key)
            assert there.call("GET", "/api/v1/admins/me")["data"]["name"] == further.admin_name
            for key in (operator.create_enrollment_key(near, 1), there.create_enrollment_key(far, 1)):
                agents.add(key).start()
            for agent in agents.agents:
                eventually(lambda agent=agent: logged(agent, "websocket.connected"))

            of_near, of_far = run_on(operator, near), run_on(operator, far)
            eventually(lambda: delivered(cloud, of_near) == 1 and delivered(further, of_far) == 1)
            assert (delivered(cloud, of_far), delivered(further, of_near)) == (0, 0)

            fall_silent(cloud, further.admin_name)
            tick(cloud)
            assert owned_by(operator, "admin-default") == CLUSTERS
            eventually(lambda: is_delivered_by(cloud, run_on(operator, far)))

        # Its API is gone as well: the agent that enrolled there goes on at the core's.
        eventually(lambda: is_delivered_by(cloud, run_on(operator, far)))
        agents.stop()
    clusters_removed(operator)
    forget(cloud, further.admin_name)
    assert cloud.function_failures() == []
    assert cloud.calls <= granted(cloud.table_prefix)

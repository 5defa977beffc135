"""What all other end-to-end tests left behind them. These run last."""

import os
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from infra.package import ROOT
from tests.e2e.cloud import fleet, granted, unused_grants
from tests.e2e.ssh_client import SSH
from tests.support.aws_clients import local_client

pytestmark = pytest.mark.last

TOUR = ROOT / "samples" / "requests" / "tour.sh"

HERE = Path(__file__).parent

NOT_TRIED = {
    "deliver_webhook dynamodb:DeleteItem webhook_deliveries": "a message that overtakes the clean-up of its webhook",
    "sweep_webhooks dynamodb:UpdateItem webhooks": "a minute after the end of a pause",
    "sweep_commands * self_update_requests": "a request that is unfinished after a minute",
    "sweep_commands sqs:SendMessage self-updates": "as above",
    "* sqs:SendMessage execution-creation": "a fan-out of more than a chunk, or one that was left undone",
    "api_handler dynamodb:DeleteItem connections": "a socket that is found gone when a node is asked for its metrics",
    "deliver_commands dynamodb:DeleteItem connections": "a socket that is found gone; one of the two finds it",
    "deliver_commands dynamodb:UpdateItem presence": "as above",
    "create_executions dynamodb:DeleteItem connections": "a socket that is found gone; one of the two finds it",
    "create_executions dynamodb:UpdateItem presence": "as above",
    "trigger_updates sqs:SendMessage admin-*": "a node of another stack that waits when its request is looked at again",
    "trigger_updates dynamodb:UpdateItem self_updates": "a deadline that comes while nodes are waited for",
    "provision dynamodb:DeleteItem aliases": "an instance that is deleted while its node has aliases",
    "clean_up sqs:SendMessage *command-delivery": "what waits for a cluster that changes hands, some seconds later",
    "clean_up dynamodb:GetItem admins": "as above",
    "clean_up dynamodb:BatchGetItem clusters": "as above",
    "clean_up dynamodb:Query nodes": "as above",
    "clean_up dynamodb:UpdateItem nodes": "secrets that are sealed again after a new data key",
    "clean_up dynamodb:*Item webhooks": "as above",
    "clean_up dynamodb:UpdateItem enrollment_keys": "as above",
    "clean_up dynamodb:BatchGetItem enrollment_keys": "as above",
    "clean_up dynamodb:*Item api_keys": "as above",
    "clean_up dynamodb:*Item idempotency": "as above",
    "clean_up dynamodb:*Item sessions": "as above",
    "clean_up dynamodb:*Item signing_keys": "as above",
    "clean_up dynamodb:*Item verifications": "as above",
    "deliver_webhook dynamodb:*Item signing_keys": "where no key of KMS signs",
    "machines_api *": "users, billing and most operations on hosted nodes: the tests of the APIs ask them",
    "provision *": "EC2, and rows that only trouble needs; a test compares its tables with its calls",
    "record_analytics *": "an owner that is found late",
    "recount dynamodb:* quotas": "a counter that is wrong",
    "relay_changes sqs:SendMessage mails": "nobody signs in with a code",
    "report_strangers *": "a machine without a row",
    "run_hosted_builds *": "upgrades and exports of logs; a test compares its tables with its calls",
    "send_mails *": "nobody signs in with a code",
    "sweep_hosted_builds *": "a build whose message was lost; a test compares its tables with its calls",
    "sweep_provisioning *": "a resource whose message was lost",
    "wake_instances *": "events of EC2, and of nodes that no instance has",
    "clean_up dynamodb:GetItem data_keys": "as above",
    "clean_up kms:Decrypt*": "as above",
    "api_handler sqs:SendMessage *command-delivery": "metrics of a node that only another stack reaches",
    "deliver_commands dynamodb:UpdateItem metrics_cache": "as above",
    "deliver_commands sqs:SendMessage clean-up": "a node deleted in the moment of its command",
    "relay_changes sqs:SendMessage relay-failures": "a record that the relay does not understand",
    "check_health dynamodb:UpdateItem nodes": "a node that is silent for minutes",
    "websocket_* dynamodb:UpdateItem nodes": "a node that was unreachable and comes back by its socket",
    "websocket_connect dynamodb:GetItem node_exclusions": "a token that is refused by the handshake before any request",
    "websocket_message sqs:SendMessage admin-*": "a beat of another stack's node, for which something waits",
    "websocket_message dynamodb:UpdateItem presence": "a frame more than half a minute after the last word",
    "clean_up dynamodb:DeleteItem fan_outs": "the second pass over a command, fifteen minutes after the first",
    "clean_up dynamodb:* counters": "as above: the counter of its executions goes last",
    "sweep_commands dynamodb:*Item tasks": "a task that is unfinished after a minute, or its second pass",
    "clean_up dynamodb:BatchGetItem executions": "executions as old as their retention",
    "prune_executions sqs:SendMessage clean-up": "executions as old as their retention",
    "* dynamodb:GetItem fan_outs": "work on a command that one invocation cannot end",
    "create_executions dynamodb:Query executions": "a second look for nodes, a minute after a command",
    "settle_vpn *": "the mode with a mesh: this run is in the other",
    "reconcile_vpn *": "as settle_vpn",
    "* vpn_networks": "as settle_vpn",
    "* sqs:SendMessage vpn": "as settle_vpn",
}
"""``function action place``, with wildcards, and why the end-to-end tests do not use that grant."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is made with curl")
def test_tour_of_requests_succeeds(cloud):
    with fleet(cloud, "visited") as visited:
        # It runs a command on every healthy node: machines that other tests played do not answer any more.
        for node in visited.api.items("/api/v1/nodes"):
            assert visited.api.call("DELETE", f"/api/v1/nodes/{node['id']}").status == 204
        visited.enrol(2)
        environment = {"PATH": os.environ["PATH"], "BASE_URL": cloud.url, "MASTER_KEY": cloud.master_key}
        tour = subprocess.run(
            ["bash", str(TOUR), "echo seen"], env=environment, capture_output=True, text=True, timeout=120, check=False
        )

        assert tour.returncode == 0, tour.stdout + tour.stderr
        assert tour.stdout.count("seen") >= 2
        assert cloud.master_key not in tour.stdout + tour.stderr


def test_functions_logged_no_failure(cloud):
    assert cloud.function_failures() == []


def test_dead_letter_queues_are_empty(cloud):
    sqs = local_client(cloud.emulator_url, "sqs")
    waiting = {}
    for url in sqs.list_queues()["QueueUrls"]:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])[
            "Attributes"
        ]
        waiting[url.rpartition("/")[2]] = int(attributes["ApproximateNumberOfMessages"])
    given_up = {name: count for name, count in waiting.items() if count and ("dead" in name or "failures" in name)}

    assert any("dead" in name for name in waiting)
    assert given_up == {}


def test_functions_made_only_granted_calls(cloud):
    assert cloud.calls <= granted(cloud.table_prefix)
    assert cloud.refused == []


def test_function_grants_are_all_used_by_some_call(cloud, request):
    """Looks at all end-to-end tests together, so it needs them all."""
    collected = {item.path for item in request.session.items}
    if not set(HERE.glob("test_*.py")) <= collected:
        pytest.skip("a part of the end-to-end tests was asked for")
    if SSH is None:
        pytest.skip("without an ssh client nobody logs in")

    unused = {f"{name} {action} {place}" for name, action, place in unused_grants(cloud)}

    assert sorted(each for each in unused if not any(fnmatch(each, pattern) for pattern in NOT_TRIED)) == []
    assert [pattern for pattern in NOT_TRIED if not any(fnmatch(each, pattern) for each in _all_grants(cloud))] == []


def _all_grants(cloud):
    prefix = cloud.table_prefix
    calls = granted(prefix)
    return {f"{each.function} {each.action} {each.resource.removeprefix(prefix).partition('/')[0]}" for each in calls}

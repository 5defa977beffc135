"""What all other end-to-end tests left behind them. These run last."""

import os
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from infra.package import ROOT
from tests.e2e.cloud import eventually, fleet, granted, unused_grants
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
    "trigger_updates dynamodb:BatchGetItem self_updates": "a second look at machines of a cluster that are still there",
    "trigger_updates dynamodb:UpdateItem self_updates": "a deadline that comes while nodes are waited for",
    "provision dynamodb:DeleteItem aliases": "an instance that is deleted while its node has aliases",
    "clean_up sqs:SendMessage *command-delivery": "what waits for a cluster that changes hands, some seconds later",
    "clean_up dynamodb:GetItem admins": "as above",
    "clean_up dynamodb:Query nodes": "as above",
    "clean_up dynamodb:UpdateItem nodes": "secrets that are sealed again after a new data key",
    "clean_up dynamodb:*Item webhooks": "as above",
    "clean_up dynamodb:UpdateItem enrollment_keys": "as above",
    "clean_up dynamodb:BatchGetItem enrollment_keys": "as above",
    "clean_up dynamodb:*Item api_keys": "as above",
    "clean_up dynamodb:*Item idempotency": "as above",
    "clean_up dynamodb:UpdateItem secrets": "as above",
    "clean_up dynamodb:GetItem data_keys": "as above",
    "clean_up kms:Decrypt*": "as above",
    "api_handler sqs:SendMessage *command-delivery": "metrics of a node that only another stack reaches",
    "deliver_commands dynamodb:UpdateItem metrics_cache": "as above",
    "deliver_commands sqs:SendMessage clean-up": "a node deleted in the moment of its command",
    "relay_changes sqs:SendMessage relay-failures": "a record that the relay does not understand",
    "check_health dynamodb:UpdateItem tasks": "nodes of a release without terms",
    "check_health dynamodb:UpdateItem nodes": "a node that is silent for minutes",
    "websocket_* dynamodb:UpdateItem nodes": "a node that was unreachable and comes back by its socket",
    "websocket_connect dynamodb:GetItem node_exclusions": "a token that is refused by the handshake before any request",
    "websocket_message sqs:SendMessage admin-*": "a beat of another stack's node, for which something waits",
    "websocket_message dynamodb:UpdateItem presence": "a frame more than half a minute after the last word",
    "clean_up dynamodb:DeleteItem fan_outs": "the second pass over a command, fifteen minutes after the first",
    "clean_up dynamodb:* counters": "as above: the counter of its executions goes last",
    "sweep_commands dynamodb:*Item tasks": "a task that is unfinished after a minute, or its second pass",
    "clean_up dynamodb:BatchGetItem executions": "executions as old as their retention",
    "clean_up dynamodb:PutItem executions": "a node that moves in the second between a command and its fan-out",
    "clean_up dynamodb:ConditionCheckItem fan_outs": "as above",
    "clean_up dynamodb:UpdateItem node_terms": "the second pass over nodes, fifteen minutes after the first",
    "prune_executions sqs:SendMessage clean-up": "executions as old as their retention",
    "* dynamodb:GetItem fan_outs": "work on a command that one invocation cannot end",
    "create_executions dynamodb:Query executions": "a second look for nodes, a minute after a command",
    "clean_up dynamodb:Query clusters": "a schedule of a key that is restricted to clusters",
    "create_executions dynamodb:UpdateItem rollout_targets": "a rollout whose targets one invocation cannot find",
    "clean_up dynamodb:DeleteItem rollout_targets": "a command that is deleted after its second pass",
    "settle_vpn *": "the mode with a mesh: this run is in the other",
    "reconcile_vpn *": "as settle_vpn",
    "* vpn_networks": "as settle_vpn",
    "* sqs:SendMessage vpn": "as settle_vpn",
    "clean_up dynamodb:*Item sessions": "secrets that are sealed again after a new data key",
    "clean_up dynamodb:*Item signing_keys": "secrets that are sealed again after a new data key",
    "clean_up dynamodb:*Item verifications": "secrets that are sealed again after a new data key",
    "deliver_webhook dynamodb:*Item signing_keys": "where no key of KMS signs",
    **dict.fromkeys(
        (
            f"machines_api * {each}"
            for each in ("users", "addresses", "members", "sessions", "verifications", "api_keys")
        ),
        "users, who sign in with a code, and their key pairs",
    ),
    "machines_api dynamodb:PutItem tenants": "a user who registers",
    "machines_api dynamodb:UpdateItem tenants": "another tier of a customer",
    "machines_api dynamodb:BatchGetItem *": "billing and the administration of instances",
    "machines_api dynamodb:Query analytics_instances": "the list of what analytics know",
    "machines_api dynamodb:Query hosted_nodes": "the list of hosted nodes",
    "machines_api dynamodb:Query resources": "lists of instances",
    "machines_api * log_exports": "exports of logs",
    "machines_api s3:*Object *": "as above",
    "machines_api dynamodb:PutItem audit_events": "refusals of named keys",
    "machines_api dynamodb:PutItem data_keys": "an installation whose first secret is one of the machines",
    "machines_api dynamodb:PutItem signing_keys": "the authority for certificates",
    "machines_api kms:*": "the public key of webhooks, and as for data_keys",
    "provision dynamodb:DeleteItem resources": "an hour after the end of an instance",
    "provision dynamodb:PutItem data_keys": "an installation whose first secret is one of the machines",
    "provision kms:GenerateDataKey *": "as above",
    "record_analytics dynamodb:BatchGetItem resources": "an owner that is found late",
    "recount dynamodb:UpdateItem quotas": "a counter that is wrong",
    "relay_changes sqs:SendMessage mails": "nobody signs in with a code",
    "report_strangers dynamodb:*Item resources": "a machine without a row",
    **dict.fromkeys(
        (f"run_hosted_builds * {each}" for each in ("self_updates", "self_update_requests", "fan_outs", "commands")),
        "upgrades, and exports of logs",
    ),
    "run_hosted_builds dynamodb:GetItem executions": "as above",
    "run_hosted_builds * log_exports": "as above",
    "run_hosted_builds s3:*Object *": "as above",
    "run_hosted_builds dynamodb:UpdateItem tasks": "another address for a node's webhook, or none",
    "run_hosted_builds dynamodb:UpdateItem webhooks": "as above",
    "run_hosted_builds dynamodb:DeleteItem webhooks": "as above",
    "run_hosted_builds dynamodb:PutItem data_keys": "an installation whose first secret is one of the machines",
    "run_hosted_builds kms:GenerateDataKey *": "as above",
    "send_mails *": "users, who sign in with a code",
    "sweep_hosted_builds dynamodb:*Item hosted_nodes": "a build whose message was lost",
    "sweep_hosted_builds dynamodb:*Item log_exports": "as above",
    "sweep_hosted_builds sqs:SendMessage hosted-builds": "as above",
    "sweep_provisioning sqs:SendMessage provisioning": "a resource whose message was lost",
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


def test_self_update_requests_have_ended_by_themselves(api):
    """A minute after its last machine was found, nodes are looked for once more."""

    def requests():
        return {each["id"]: each["status"] for each in api.items("/api/v1/self_update_requests")}

    eventually(lambda: set(requests().values()) <= {"completed"}, patience_seconds=180)
    for request_id in requests():
        assert api.call("DELETE", f"/api/v1/self_update_requests/{request_id}").status == 204
    eventually(lambda: requests() == {})


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


# Slow: it looks at the slow ones too.
@pytest.mark.slow
def test_function_grants_are_all_used_by_some_call(cloud, request):
    """Looks at all end-to-end tests together, so it needs them all."""
    collected = {item.path for item in request.session.items}
    if not set(HERE.glob("test_*.py")) <= collected:
        pytest.skip("a part of the end-to-end tests was asked for")
    if SSH is None:
        pytest.skip("without an ssh client nobody logs in")

    unused = {f"{name} {action} {place}" for name, action, place in unused_grants(cloud)}

    unexpected = sorted(each for each in unused if not any(fnmatch(each, pattern) for pattern in NOT_TRIED))
    assert unexpected == [], "\n".join(unexpected)
    assert [pattern for pattern in NOT_TRIED if not any(fnmatch(each, pattern) for each in _all_grants(cloud))] == []


def _all_grants(cloud):
    prefix = cloud.table_prefix
    calls = granted(prefix)
    return {f"{each.function} {each.action} {each.resource.removeprefix(prefix).partition('/')[0]}" for each in calls}

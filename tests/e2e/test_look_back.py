"""What all other end-to-end tests left behind them. These run last."""

import os
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from infra.package import ROOT
from tests.e2e.cloud import fleet, granted, unused_grants

pytestmark = pytest.mark.last

TOUR = ROOT / "samples" / "requests" / "tour.sh"

HERE = Path(__file__).parent

NOT_TRIED = {
    "* ssh_*": "SSH user names have no end-to-end test yet",
    "* webhook*": "webhooks have no end-to-end test yet",
    "* admins": "admins have no end-to-end test yet",
    "deliver_webhook *": "webhooks have no end-to-end test yet",
    "trigger_updates *": "updates of connected agents, and of whole clusters, have no such test yet",
    "* self_update_requests": "as trigger_updates",
    "sweep_commands sqs:SendMessage self-updates": "as trigger_updates",
    "* sqs:SendMessage execution-creation": "a fan-out of more than a chunk, or one that was left undone",
    "api_handler dynamodb:DeleteItem connections": "a socket that is found gone when a node is asked for its metrics",
    "api_handler dynamodb:ConditionCheckItem nodes": "what hangs on a node: SSH user names",
    "deliver_commands dynamodb:DeleteItem connections": "a socket that is found gone; one of the two finds it",
    "deliver_commands dynamodb:UpdateItem presence": "as above",
    "create_executions dynamodb:DeleteItem connections": "a socket that is found gone; one of the two finds it",
    "create_executions dynamodb:UpdateItem presence": "as above",
    "deliver_commands sqs:SendMessage clean-up": "a node deleted in the moment of its command",
    "relay_changes sqs:SendMessage relay-failures": "a record that the relay does not understand",
    "check_health dynamodb:UpdateItem nodes": "a node that is silent for minutes",
    "websocket_* dynamodb:UpdateItem nodes": "a node that was unreachable and comes back by its socket",
    "websocket_message dynamodb:UpdateItem presence": "a frame more than half a minute after the last word",
    "clean_up dynamodb:DeleteItem fan_outs": "the second pass over a command, fifteen minutes after the first",
    "clean_up dynamodb:BatchGetItem executions": "executions as old as their retention",
    "prune_executions sqs:SendMessage clean-up": "executions as old as their retention",
}
"""``function action place``, with wildcards, and why the end-to-end tests do not use that grant."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is made with curl")
def test_the_tour_of_requests_works(cloud):
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


def test_no_function_failed(cloud):
    assert cloud.function_failures() == []


def test_no_message_was_given_up(cloud):
    sqs = cloud.client("sqs")
    waiting = {}
    for url in sqs.list_queues()["QueueUrls"]:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])[
            "Attributes"
        ]
        waiting[url.rpartition("/")[2]] = int(attributes["ApproximateNumberOfMessages"])
    given_up = {name: count for name, count in waiting.items() if count and ("dead" in name or "failures" in name)}

    assert any("dead" in name for name in waiting)
    assert given_up == {}


def test_functions_do_what_they_may(cloud):
    assert cloud.calls <= granted(cloud.table_prefix)


def test_functions_may_only_what_they_do(cloud, request):
    """Looks at all end-to-end tests together, so it needs them all."""
    collected = {item.path for item in request.session.items}
    if not set(HERE.glob("test_*.py")) <= collected:
        pytest.skip("a part of the end-to-end tests was asked for")

    unused = {f"{name} {action} {place}" for name, action, place in unused_grants(cloud)}

    assert sorted(each for each in unused if not any(fnmatch(each, pattern) for pattern in NOT_TRIED)) == []
    assert [pattern for pattern in NOT_TRIED if not any(fnmatch(each, pattern) for each in _all_grants(cloud))] == []


def _all_grants(cloud):
    prefix = cloud.table_prefix
    calls = granted(prefix)
    return {f"{each.function} {each.action} {each.resource.removeprefix(prefix).partition('/')[0]}" for each in calls}

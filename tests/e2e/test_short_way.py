"""A command for few machines, with roles checked: its executions stand with it, and agents of before and of now work in
one fleet."""

import pytest

from infra.local.agents import AGENT_FOLDER
from tests.e2e.cloud import fleet
from tests.support.aws_clients import local_client

EARLY = """
from edge_agent import facts, wake_up
facts.FEATURES = tuple(each for each in facts.FEATURES if each != "work")
del wake_up.readable
"""
"""Makes of this agent one that was installed before wake-ups brought the work."""


@pytest.fixture(scope="module")
def machines(cloud, tap):
    with fleet(cloud, "few") as found:
        yield found


def made_with(cloud, command_id):
    """How many executions were written in the transaction of a command, as DynamoDB writes numbers."""
    tables = local_client(cloud.emulator_url, "dynamodb")
    key = {"command_id": {"S": command_id}}
    row = tables.get_item(TableName=f"{cloud.table_prefix}fan_outs", Key=key, ConsistentRead=True)["Item"]
    return row["made_with"]["N"]


def test_early_and_present_agents_run_a_command_that_was_made_at_once(cloud, machines, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(EARLY)
    [early] = machines.enrol(1, environment={"PYTHONPATH": f"{tmp_path}:{AGENT_FOLDER}"})
    [present] = machines.enrol(1)
    takes = {node["id"]: "work" in node["features"] for node in machines.nodes()}
    assert takes == {early.node_id(): False, present.node_id(): True}

    command_id = machines.run("echo ran")
    executions = machines.results_of(command_id, 2)

    assert {each["node_id"] for each in executions} == takes.keys()
    assert {(each["status"], each["output"]) for each in executions} == {("completed", "ran\n")}
    for agent in (early, present):
        told = [event["event"] for event in agent.events() if event.get("execution_id")]
        assert told.count("execution.started") == 1
    assert made_with(cloud, command_id) == "2"


def test_worker_finds_targets_of_every_kind(machines):
    """By the long way, with the permissions of its worker: rollouts take it for any number of nodes."""
    [labelled] = machines.enrol(1, "--label", "tier=few")
    labels = {"node_filters": {"labels": "tier:few"}}
    for targeting in (
        {"type": "all", **labels},
        {"type": "clusters", "cluster_names": [machines.cluster], **labels},
        {"type": "nodes", "node_ids": [labelled.node_id()], "cluster_filters": {"name": machines.cluster}},
    ):
        body = {"command_text": "echo ran", "targeting": targeting, "rollout": {"max_concurrency": 1}}
        made = machines.api.call("POST", "/api/v1/commands", body)
        [execution] = machines.results_of(made.data["id"], 1)
        assert (execution["node_id"], execution["output"]) == (labelled.node_id(), "ran\n")

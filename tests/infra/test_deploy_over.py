"""A deployment over an installation of an earlier version, which told its functions the URL of every queue."""

import json

import pytest

from infra.deployables import CORE
from infra.package import ROOT
from infra.queue_alarms import queue_alarms
from infra.stacks import Stacks
from tests.infra.deploying import STAGE, WAIT, Deployer, small_application

EARLIER_STATE = ROOT / "tests" / "fixtures" / "installation" / "stateful.json"
"""The template of that version's stateful stack."""

STATE, APPLICATION = f"edge-admin-{STAGE}-state", f"edge-admin-{STAGE}"


def earlier_application(given):
    """The application without the parameters that nobody gave it: its state had no such outputs."""
    template = small_application(CORE)
    parameters = {name: each for name, each in template["Parameters"].items() if "Default" in each or name in given}
    parameters["QueueUrls"] = {"Type": "String"}
    return {**template, "Parameters": parameters}


@pytest.fixture
def deployer(emulator, tmp_path):
    deployer = Deployer(emulator.url, tmp_path)
    stacks = Stacks(deployer.client("cloudformation"), WAIT)
    state = stacks.deploy(STATE, json.loads(EARLIER_STATE.read_text()), {"Stage": STAGE})
    given = {"Stage": STAGE, **state, "PollSeconds": "45"}
    stacks.deploy(APPLICATION, earlier_application(given), given)
    yield deployer
    deployer.session.close()


def test_upgrade_keeps_resources_and_sets_the_queue_prefix(deployer):
    stacks = Stacks(deployer.client("cloudformation"), WAIT)
    before = {stack: stacks.physical_ids(stack) for stack in (STATE, APPLICATION)}
    deployer.core()

    after = {stack: stacks.physical_ids(stack) for stack in (STATE, APPLICATION)}
    moved = {name for name in before[STATE] if name.endswith("Alarm")}
    assert moved <= queue_alarms(CORE).keys(), "the application has the alarms that its state had"
    before[STATE] = {name: each for name, each in before[STATE].items() if name not in moved}
    assert {stack: before[stack].items() <= after[stack].items() for stack in after} == dict.fromkeys(after, True)
    assert stacks.names("edge-admin-") == [APPLICATION, STATE]
    parameters = deployer.parameters(APPLICATION)
    assert "QueueUrls" not in parameters
    assert parameters["PollSeconds"] == "45"
    sqs = deployer.client("sqs")
    for queue in CORE.queues:
        url = sqs.get_queue_url(QueueName=f"edge-admin-{STAGE}-{queue}")["QueueUrl"]
        assert f"{parameters['QueueUrlPrefix']}{queue}" == url

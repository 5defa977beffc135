"""A schedule that is run by hand is called as its clock calls it."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from chalice.app import CloudWatchEvent

from infra.run import SCHEDULES, main, run, stack_of

NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)


class FakeLambda:
    meta = SimpleNamespace(region_name="eu-central-1")

    def __init__(self):
        self.invoked = []

    def invoke(self, **asked):
        self.invoked.append(asked)


@pytest.fixture
def cloudformation(emulator):
    """A stage with two functions, which have names of CloudFormation's."""
    code = {"Handler": "app.x", "Runtime": "python3.13", "Role": "arn:aws:iam::1:role/x", "Code": {"ZipFile": "x"}}
    function = {"Type": "AWS::Lambda::Function", "Properties": code}
    client = emulator.client("cloudformation")
    template = json.dumps({"Resources": {"Recount": function, "Heartbeat": function}})
    client.create_stack(StackName="edge-admin-dev", TemplateBody=template)
    client.get_waiter("stack_create_complete").wait(StackName="edge-admin-dev", WaiterConfig={"Delay": 1})
    return client


def test_schedule_is_invoked_asynchronously_by_its_real_name(cloudformation):
    functions = FakeLambda()

    called = run(cloudformation, functions, "dev", "recount", NOW)

    resource = cloudformation.describe_stack_resource(StackName="edge-admin-dev", LogicalResourceId="Recount")
    assert called == resource["StackResourceDetail"]["PhysicalResourceId"]
    [asked] = functions.invoked
    assert (asked["FunctionName"], asked["InvocationType"]) == (called, "Event")
    event = CloudWatchEvent(json.loads(asked["Payload"]), None)
    assert (event.source, event.region, event.time) == ("aws.events", "eu-central-1", "2026-11-28T03:00:00Z")


def test_unknown_stage_is_refused_by_name(cloudformation):
    with pytest.raises(ValueError, match="no stack edge-admin-other"):
        run(cloudformation, FakeLambda(), "other", "recount", NOW)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_of_every_family_has_a_stack(name):
    assert name in {each.name for each in stack_of(name).functions}


def test_run_command_refuses_functions_without_a_schedule():
    assert {"recount", "prune_executions", "sweep_commands"} <= set(SCHEDULES)
    with pytest.raises(SystemExit):
        main(["api_handler", "--stage", "dev"])


def test_invalid_stage_name_ends_the_run_command(capsys):
    assert main(["recount", "--stage", "Dev"]) == 1
    assert "STAGE" in capsys.readouterr().err

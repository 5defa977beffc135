"""Creating and updating stacks: on the emulator, and what that cannot show on a CloudFormation of a few lines."""

# ruff: noqa: N803 - boto3's names

import json

import pytest
from botocore.exceptions import ClientError

from infra.artifacts import INLINE_TEMPLATE_BYTES, TEMPLATE_BYTES, Artifacts, deployed_template
from infra.changes import Change, Kind, changed_parameters, from_change_set
from infra.deployment.plan import Console, dangers, described
from infra.deployment.tables import unprotected
from infra.stack_events import StackFailedError, refusal
from infra.stacks import Stacks

WAIT = {"Delay": 0, "MaxAttempts": 10_000}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Name"}}}
TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "Retain",
    "Properties": {
        "TableName": "kept",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
BROKEN = {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": "missing", "AuthType": "NONE"}}


def template(**resources):
    parameters = {"Name": {"Type": "String"}, "Seconds": {"Type": "String", "Default": "5"}}
    outputs = {"Seconds": {"Value": {"Ref": "Seconds"}}}
    return {"Parameters": parameters, "Resources": resources or {"Queue": QUEUE}, "Outputs": outputs}


class FakeS3:
    class meta:  # noqa: N801 - boto3's name
        endpoint_url = "https://s3.example"

    def __init__(self):
        self.objects = {}

    def put_object(self, *, Bucket, Key, Body):
        self.objects[Bucket, Key] = Body


@pytest.fixture
def stacks(emulator):
    return Stacks(emulator.client("cloudformation"), WAIT)


@pytest.fixture
def artifacts():
    return Artifacts(FakeS3(), "bucket")


class TestDeploy:
    def test_stack_is_created_then_unchanged_then_updated(self, stacks):
        assert stacks.plan("app", template(), {"Name": "a"}).kind is Kind.CREATE
        stacks.deploy("app", template(), {"Name": "a"})
        assert stacks.plan("app", template(), {"Name": "a"}).kind is Kind.NOTHING
        stacks.deploy("app", template(Queue=QUEUE, More=BROKEN | {"Type": "AWS::SNS::Topic", "Properties": {}}), {})

        assert set(stacks.physical_ids("app")) == {"Queue", "More"}

    def test_undeclared_parameters_are_ignored(self, stacks):
        stacks.deploy("app", template(), {"Name": "a", "Other": "x"})

        assert set(stacks.parameters("app")) == {"Name", "Seconds"}

    def test_omitted_parameters_keep_their_values(self, stacks):
        stacks.deploy("app", template(), {"Name": "a", "Seconds": "9"})
        outputs = stacks.deploy("app", template(Queue=QUEUE, Topic={"Type": "AWS::SNS::Topic"}), {})

        assert outputs == {"Seconds": "9"}

    def test_discarded_change_is_not_applied(self, stacks, emulator):
        stacks.deploy("app", template(), {"Name": "a"})
        change = stacks.plan("app", template(Topic={"Type": "AWS::SNS::Topic"}), {})
        assert {(each.action, each.name) for each in change.resources} == {("add", "Topic"), ("remove", "Queue")}
        stacks.discard(change)

        assert emulator.client("cloudformation").list_change_sets(StackName="app")["Summaries"] == []
        assert set(stacks.physical_ids("app")) == {"Queue"}

    def test_failed_creation_names_its_reason_and_removes_retained_resources_too(self, stacks, emulator):
        with pytest.raises(StackFailedError) as raised:
            stacks.deploy("app", template(Table=TABLE, Broken=BROKEN), {"Name": "a"})

        assert str(raised.value).startswith("could not create the stack app:\n  Broken (AWS::Lambda::Url): ")
        assert emulator.client("dynamodb").list_tables()["TableNames"] == []
        assert stacks.exists("app") is False
        stacks.deploy("app", template(Table=TABLE), {"Name": "a"})

    def test_failed_update_removes_new_tables_and_keeps_old_ones(self, stacks, emulator):
        stacks.deploy("app", template(Table=TABLE), {"Name": "a"})
        new = {**TABLE, "Properties": {**TABLE["Properties"], "TableName": "new"}}
        with pytest.raises(StackFailedError, match=r"could not update the stack app:\n  Broken "):
            stacks.deploy("app", template(Table=TABLE, New=new, Broken=BROKEN), {})

        assert emulator.client("dynamodb").list_tables()["TableNames"] == ["kept"]

    def test_stack_protection_is_switched_on_once(self, stacks, emulator):
        stacks.deploy("app", template(), {"Name": "a"})
        stacks.protect("app")
        stacks.protect("app")

        with pytest.raises(ClientError, match="TerminationProtection"):
            emulator.client("cloudformation").delete_stack(StackName="app")


class Described:
    """A CloudFormation of one stack that tells these statuses, one after the other."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)

    def describe_stacks(self, *, StackName):
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"Stacks": [{"StackStatus": status, "StackName": StackName, "Parameters": []}]}


class Refusing(Described):
    """Its change sets fail for this reason."""

    def __init__(self, reason):
        super().__init__("UPDATE_COMPLETE")
        self.reason = reason
        self.deleted = []

    def create_change_set(self, **_):
        return {"Id": "the-change-set"}

    def get_paginator(self, _):
        return self

    def paginate(self, *, ChangeSetName):
        yield {"Status": "FAILED", "StatusReason": self.reason}

    def delete_change_set(self, *, ChangeSetName):
        self.deleted.append(ChangeSetName)


class TestChangeSets:
    def test_refused_change_set_is_reported_and_deleted(self):
        refusing = Refusing("Transform AWS::Serverless-2016-10-31 failed with: no")
        with pytest.raises(StackFailedError, match=r"update the stack app:\n  Transform .*\nNothing was changed"):
            Stacks(refusing, WAIT).plan("app", template(), {})
        assert refusing.deleted == ["the-change-set"]

    @pytest.mark.parametrize(
        "reason",
        [
            "The submitted information didn't contain changes. Submit different information to create a change set.",
            "No updates are to be performed.",
        ],
    )
    def test_empty_change_set_is_no_failure(self, reason):
        refusing = Refusing(reason)
        assert Stacks(refusing, WAIT).plan("app", template(), {}).kind is Kind.NOTHING
        assert refusing.deleted == ["the-change-set"]


class TestStates:
    def test_stack_update_in_progress_is_waited_for(self):
        running = Described("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE")
        assert Stacks(running, WAIT).settle("app") == "UPDATE_COMPLETE"

    def test_stack_update_that_takes_too_long_is_a_timeout(self):
        with pytest.raises(TimeoutError, match="app is still UPDATE_IN_PROGRESS: it goes on by itself"):
            Stacks(Described("UPDATE_IN_PROGRESS"), {"Delay": 0, "MaxAttempts": 3}).settle("app")

    @pytest.mark.parametrize(
        ("status", "command"),
        [
            ("ROLLBACK_COMPLETE", "aws cloudformation delete-stack --stack-name app"),
            ("ROLLBACK_FAILED", "aws cloudformation delete-stack --stack-name app"),
            ("CREATE_FAILED", "aws cloudformation delete-stack --stack-name app"),
            ("DELETE_FAILED", "aws cloudformation delete-stack --stack-name app"),
            ("REVIEW_IN_PROGRESS", "aws cloudformation delete-stack --stack-name app"),
            ("UPDATE_FAILED", "aws cloudformation rollback-stack --stack-name app"),
            ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name app"),
            ("UPDATE_IN_PROGRESS", "wait"),
        ],
    )
    def test_stack_that_cannot_be_updated_is_refused_with_a_remedy(self, status, command):
        with pytest.raises(ValueError, match=f"the stack app is {status}: .*{command}"):
            Stacks(Described(status), WAIT).plan("app", template(), {})

    @pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", ""])
    def test_stack_in_an_updatable_state_is_not_refused(self, status):
        assert refusal("app", status) is None


class TestChanges:
    def test_replacement_is_distinguished_from_change(self):
        def change(action, replacement, *names):
            details = [{"Target": {"Attribute": "Properties", "Name": name}} for name in names]
            row = {
                "Action": action,
                "LogicalResourceId": "X",
                "ResourceType": "AWS::DynamoDB::Table",
                "Details": details,
            }
            return {"Type": "Resource", "ResourceChange": row | ({"Replacement": replacement} if replacement else {})}

        changes = [
            change("Modify", "True", "KeySchema"),
            change("Modify", "Conditional"),
            change("Modify", "False", "Tags", "Tags"),
            change("Remove", ""),
            {"Type": "Hook"},
        ]
        resources = from_change_set(changes)
        assert [each.action for each in resources] == ["replace", "may replace", "modify", "remove"]
        assert resources[2].properties == ("Tags",)
        found = Change("app", Kind.UPDATE, resources)
        assert [line.rpartition(": ")[2] for line in dangers([found])] == ["replace", "may replace", "remove"]
        assert "  ! replace: 1" in described(found)

    def test_hidden_parameter_values_are_not_shown(self):
        declared = {
            "Parameters": {"Key": {"Type": "String", "NoEcho": True}, "Other": {"Type": "String", "Default": "a"}}
        }
        assert changed_parameters(declared, {}, {"Key": "secret"}) == {"Key": ("", "(not shown)"), "Other": ("", "a")}
        assert changed_parameters(declared, {"Key": "****", "Other": "b"}, {"Other": "b"}) == {}

    @pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("YES ", True), ("", False), ("n", False)])
    def test_only_a_clear_yes_confirms(self, answer, goes_on):
        assert Console({}, is_terminal=lambda: True, ask=lambda _: answer).confirms() is goes_on

    def test_closed_terminal_declines(self):
        def closed(_question):
            raise EOFError

        assert Console({}, is_terminal=lambda: True, ask=closed).confirms() is False


def test_new_tables_are_unprotected_until_all_exist():
    protected = {**TABLE, "Properties": {**TABLE["Properties"], "DeletionProtectionEnabled": True}}
    wanted = template(Old=protected, New=protected, Queue=QUEUE)
    first = unprotected(wanted, {"Old"})

    assert first["Resources"]["Old"] == protected
    assert first["Resources"]["New"]["Properties"]["DeletionProtectionEnabled"] is False
    assert unprotected(wanted, wanted["Resources"]) == wanted


def test_large_template_is_passed_through_the_bucket(artifacts):
    large = {**template(), "Description": "x" * INLINE_TEMPLATE_BYTES}

    class Nothing:
        def describe_stacks(self, *, StackName):
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")

    change = Stacks(Nothing(), WAIT).plan("app", large, {}, artifacts)

    (key,) = artifacts.s3.objects
    assert change.request["TemplateURL"] == f"https://s3.example/bucket/{key[1]}"
    assert json.loads(artifacts.s3.objects[key]) == large
    with pytest.raises(ValueError, match="more than CloudFormation takes"):
        Stacks(Nothing(), WAIT).plan("app", {**large, "Description": "x" * TEMPLATE_BYTES}, {}, artifacts)


def test_code_is_stored_under_its_content_hash(artifacts, tmp_path):
    package = tmp_path / "deployment.zip"
    package.write_bytes(b"code")
    packaged = {
        "Resources": {
            "Worker": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./deployment.zip"}},
            "Queue": {"Type": "AWS::SQS::Queue"},
        }
    }

    first = deployed_template(packaged, artifacts, package)
    second = deployed_template(packaged, artifacts, package)

    assert first == second
    assert len(artifacts.s3.objects) == 1
    assert first["Resources"]["Worker"]["Properties"]["CodeUri"].startswith("s3://bucket/")
    assert first["Resources"]["Queue"] == packaged["Resources"]["Queue"]
    assert packaged["Resources"]["Worker"]["Properties"]["CodeUri"] == "./deployment.zip"

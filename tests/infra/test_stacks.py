"""Creating and updating stacks, against a CloudFormation that is only remembered."""

# ruff: noqa: N803 - boto3's names

import json

import pytest
from botocore.exceptions import ClientError

from infra.deploy import merged_keys, public_url
from infra.stacks import INLINE_TEMPLATE_BYTES, TEMPLATE_BYTES, Artifacts, Stacks, deployed_template

TEMPLATE = {"Parameters": {"Stage": {"Type": "String"}}, "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
WAIT = {"Delay": 0, "MaxAttempts": 1}


class FakeCloudFormation:
    def __init__(self):
        self.stacks = {}
        self.waited = []

    def describe_stacks(self, *, StackName):
        if StackName not in self.stacks:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        outputs = [{"OutputKey": "Template", "OutputValue": json.dumps(self.stacks[StackName])}]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def create_stack(self, *, StackName, OnFailure, **request):
        assert OnFailure == "DELETE"
        self.stacks[StackName] = request

    def update_stack(self, *, StackName, **request):
        if self.stacks[StackName] == request:
            message = "No updates are to be performed."
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "UpdateStack")
        self.stacks[StackName] = request

    def get_waiter(self, name):
        self.waited.append(name)
        return self

    def wait(self, *, StackName, WaiterConfig):
        assert WaiterConfig == WAIT


class FakeS3:
    class meta:  # noqa: N801 - boto3's name
        endpoint_url = "https://s3.example"

    def __init__(self):
        self.objects = {}

    def put_object(self, *, Bucket, Key, Body):
        self.objects[Bucket, Key] = Body


@pytest.fixture
def cloudformation():
    return FakeCloudFormation()


@pytest.fixture
def stacks(cloudformation):
    return Stacks(cloudformation, WAIT)


@pytest.fixture
def artifacts():
    return Artifacts(FakeS3(), "bucket")


def test_a_stack_is_created_then_left_alone_then_updated(stacks, cloudformation):
    first = stacks.deploy("app", TEMPLATE, {"Stage": "dev"})
    again = stacks.deploy("app", TEMPLATE, {"Stage": "dev"})
    changed = stacks.deploy("app", TEMPLATE, {"Stage": "test"})

    assert first == again != changed
    assert cloudformation.waited == ["stack_create_complete", "stack_update_complete"]


def test_parameters_that_a_template_does_not_declare_are_passed_over(stacks, cloudformation):
    stacks.deploy("app", TEMPLATE, {"Stage": "dev", "Other": "x"})

    assert cloudformation.stacks["app"]["Parameters"] == [{"ParameterKey": "Stage", "ParameterValue": "dev"}]


def test_other_errors_of_cloudformation_are_not_hidden(stacks, cloudformation):
    def refuse(**request):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "UpdateStack")

    stacks.deploy("app", TEMPLATE, {})
    cloudformation.update_stack = refuse

    with pytest.raises(ClientError, match="AccessDenied"):
        stacks.deploy("app", TEMPLATE, {})


def test_a_large_template_goes_through_the_bucket(stacks, cloudformation, artifacts):
    large = {**TEMPLATE, "Description": "x" * INLINE_TEMPLATE_BYTES}

    stacks.deploy("app", large, {}, artifacts)

    url = cloudformation.stacks["app"]["TemplateURL"]
    (key,) = artifacts.s3.objects
    assert url == f"https://s3.example/bucket/{key[1]}"
    assert json.loads(artifacts.s3.objects[key]) == large


def test_a_template_over_the_quota_is_refused(stacks, artifacts):
    with pytest.raises(ValueError, match="more than CloudFormation takes"):
        stacks.deploy("app", {**TEMPLATE, "Description": "x" * TEMPLATE_BYTES}, {}, artifacts)


def test_code_is_stored_under_a_name_made_of_its_content(artifacts, tmp_path):
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


@pytest.mark.parametrize(
    ("current", "environment", "expected"),
    [
        ({"MASTER_KEY": "a"}, {}, None),
        ({"MASTER_KEY": "a"}, {"MASTER_KEY": "a", "API_KEY": ""}, None),
        ({"MASTER_KEY": "a"}, {"API_KEY": "b", "OTHER": "c"}, {"MASTER_KEY": "a", "API_KEY": "b"}),
    ],
)
def test_keys_are_changed_only_where_the_deployer_gives_some(current, environment, expected):
    assert merged_keys(json.dumps(current), environment) == expected


def test_the_public_url_has_its_stage_and_no_slash():
    assert public_url({"EndpointURL": "https://x.execute-api.eu-west-1.amazonaws.com/api/"}).endswith("/api")
    assert public_url({}) == ""

"""What a deployer may do: all that a deployment takes, no more than fits into a policy, and nothing with the data."""

import json
import re
from fnmatch import fnmatchcase

import pytest

from infra.deployables import CORE, deployables
from infra.functions import FAMILIES
from infra.lint import parliament
from infra.rights import main, policy, types
from infra.stateful import stateful_template
from tests.infra.deploying import STAGE, Deployer

LONGEST = "abcdefghijklmnop"
MANAGED_POLICY_CHARACTERS = 6_144
"""What a managed policy may have without white space (IAM quotas)."""

PLACES = [
    ("us-east-1", "aws"),
    ("ap-southeast-1", "aws"),
    ("us-gov-west-1", "aws-us-gov"),
    ("cn-northwest-1", "aws-cn"),
]
PROD = policy("prod", "123456789012", "eu-central-1", "aws")
STACK = "arn:aws:cloudformation:eu-central-1:123456789012:stack"
TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table"
ROLE = "arn:aws:iam::123456789012:role"
POLICY = "arn:aws:iam::123456789012:policy"


def allowed(document, action, resource=None):
    """Whether a statement lets it, on that resource or on any."""
    for statement in document["Statement"]:
        resources = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
        is_action = any(fnmatchcase(action.lower(), pattern.lower()) for pattern in statement["Action"])
        if is_action and (resource is None or any(fnmatchcase(resource, pattern) for pattern in resources)):
            return True
    return False


@pytest.mark.parametrize(("region", "partition"), PLACES)
def test_deployer_policy_fits_one_managed_policy_for_the_longest_name(region, partition):
    document = policy(LONGEST, "123456789012", region, partition)

    assert len(re.sub(r"\s", "", json.dumps(document))) <= MANAGED_POLICY_CHARACTERS


def test_deployer_policy_has_only_actions_valid_for_their_resources():
    found = parliament().analyze_policy_string(json.dumps(PROD)).findings

    # AWS names its transform in an account of its own, "aws".
    assert [str(each) for each in found if "aws:transform/" not in str(each)] == []


def test_every_resource_type_has_its_rights(templates):
    every = [stateful_template(CORE, retain=True), *templates.values()]
    deployed = {each["Type"] for template in every for each in template["Resources"].values()}

    assert deployed == types()


OF_BUCKETS = {
    "BucketEncryption": "s3:PutEncryptionConfiguration",
    "LifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "OwnershipControls": "s3:PutBucketOwnershipControls",
    "PublicAccessBlockConfiguration": "s3:PutBucketPublicAccessBlock",
    "VersioningConfiguration": "s3:PutBucketVersioning",
}
"""The action by which CloudFormation sets a property of a bucket, with the rights of the deployer."""


def test_deployer_policy_allows_every_property_of_buckets(templates):
    every = [*(stateful_template(each, retain=True) for each in deployables(FAMILIES)), *templates.values()]
    resources = [each for template in every for each in template["Resources"].values()]
    properties = {name for each in resources if each["Type"] == "AWS::S3::Bucket" for name in each["Properties"]}
    refused = {name for name in properties - {"BucketName"} if not allowed(PROD, OF_BUCKETS[name])}
    assert refused == set()
    assert "LifecycleConfiguration" in properties


def test_deployer_policy_allows_every_call_of_a_deployment(emulator, tmp_path):
    document = policy(STAGE, "000000000000", "us-east-1", "aws")
    deployer = Deployer(emulator.url, tmp_path)
    seen = set()
    for settings in ({}, {"POLL_SECONDS": "30"}):
        deployer.core(settings)
        seen |= {(service, name) for service, name, _ in deployer.session.calls}
    deployer.further("west")
    seen |= {(service, name) for service, name, _ in deployer.session.calls}
    deployer.session.close()

    assert {service for service, _ in seen} == {"cloudformation", "dynamodb", "s3", "lambda"}
    assert [call for call in sorted(seen) if not allowed(document, ":".join(call))] == []


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:CreateTable", f"{TABLE}/edge-admin-prod-nodes"),
        ("cloudformation:CreateStack", f"{STACK}/edge-admin-prod/1"),
        ("cloudformation:CreateStack", f"{STACK}/edge-admin-prod-state/1"),
        ("iam:CreateRole", f"{ROLE}/edge-admin-prod-ApiHandlerRole-1A2B3C"),
        ("iam:CreatePolicyVersion", f"{POLICY}/edge-admin-prod-ApiHandlerRoleTables1-1A2B3C"),
    ],
)
def test_deployer_policy_covers_its_stage_only(action, resource):
    assert allowed(PROD, action, resource)
    assert not allowed(PROD, action, resource.replace("edge-admin-prod", "edge-admin-other"))
    assert not allowed(PROD, action, resource.replace("edge-admin-prod", "edge-admin-prod2"))


def test_deployer_policy_covers_names_that_cloudformation_shortens():
    document = policy(LONGEST, "123456789012", "us-east-1", "aws")

    assert allowed(document, "iam:CreateRole", f"{ROLE}/edge-admin-abcdefghijklm-ApiHandlerRole-1A2B3C")


@pytest.mark.parametrize(
    "action",
    [
        *("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:ExportTableToPointInTime"),
        *("sqs:ReceiveMessage", "sqs:SendMessage", "sqs:PurgeQueue", "logs:GetLogEvents", "logs:FilterLogEvents"),
        *("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "kms:Decrypt", "lambda:InvokeFunction"),
        *("iam:CreateUser", "iam:CreateAccessKey", "events:PutEvents", "sns:Publish", "s3:DeleteObject"),
    ],
)
def test_deployer_policy_gives_no_access_to_data(action):
    assert not allowed(PROD, action)


def test_rights_command_prints_the_policy(monkeypatch, capsys):
    arguments = ["rights", "--stage", "prod", "--account", "123456789012", "--region", "cn-northwest-1"]
    monkeypatch.setattr("sys.argv", arguments)

    assert main() == 0
    assert json.loads(capsys.readouterr().out) == policy("prod", "123456789012", "cn-northwest-1", "aws-cn")

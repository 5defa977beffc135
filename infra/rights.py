"""The IAM policy of a deployer: ``python -m infra.rights --stage prod --account 123456789012 --region eu-central-1``.

CloudFormation acts with the rights of its caller, so the policy covers `make deploy` and every resource in the
templates. Rights are bound to the stage's own names wherever AWS allows it; they do not include reading or writing
rows, messages, log lines or keys. But a principal that may create roles can grant them anything: a deployer is in
effect an administrator.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from typing import Any

import boto3

from infra.functions import APP_NAME

Json = dict[str, Any]

_SHORTENED = 24
"""The length to which CloudFormation cuts the stack's name in a generated name that would be too long for the service.
"""

_TAGS = ("TagResource", "UntagResource", "ListTagsForResource")


@dataclass(frozen=True)
class Right:
    """The rights needed to deploy resources of these types: actions of one service on ARNs, in which ``{own}`` is the
    prefix of names that CloudFormation generates. ``condition`` as IAM has it."""

    types: tuple[str, ...]
    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    condition: Json | None = None


_HERE = "arn:{partition}:{service}:{region}:{account}:"
_ROLES = ("arn:{partition}:iam::{account}:role/{own}",)

RIGHTS = (
    Right(
        (),
        "cloudformation",
        (
            *("*ChangeSet", "CreateStack", "DeleteStack", "UpdateTerminationProtection", "GetTemplate"),
            *("DescribeStackEvents", "RollbackStack", "ContinueUpdateRollback"),
        ),
        (
            _HERE + "stack/{app}-{stage}/*",
            _HERE + "stack/{app}-{stage}-*/*",
            "arn:{partition}:cloudformation:{region}:aws:transform/Serverless-2016-10-31",
        ),
    ),
    Right((), "cloudformation", ("DescribeStacks",)),
    Right((), "iam", ("ListAccountAliases",)),
    Right((), "lambda", ("GetAccountSettings",)),
    Right((), "s3", ("PutObject", "GetObject", "GetObjectVersion"), ("arn:{partition}:s3:::{own}/*",)),
    Right(
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
        "s3",
        (
            *("CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "GetBucket*", "PutBucket*"),
            *("*EncryptionConfiguration", "*LifecycleConfiguration"),
        ),
        ("arn:{partition}:s3:::{own}",),
    ),
    Right(
        ("AWS::DynamoDB::Table",),
        "dynamodb",
        (
            *("CreateTable", "UpdateTable", "DeleteTable", "DescribeTable", "*TimeToLive", "*ContinuousBackups"),
            *("DescribeContributorInsights", "DescribeKinesisStreamingDestination", "GetResourcePolicy", "*Tag*"),
        ),
        (_HERE + "table/{app}-{stage}-*",),
    ),
    Right(
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
        "sqs",
        ("CreateQueue", "DeleteQueue", "GetQueue*", "SetQueueAttributes", "ListQueueTags", "TagQueue", "UntagQueue"),
        (_HERE + "{app}-{stage}-*",),
    ),
    Right(
        ("AWS::Events::EventBus", "AWS::Events::Rule"),
        "events",
        ("*EventBus", "*Rule", "*Targets", "*Tag*"),
        (_HERE + "event-bus/{app}-{stage}-*", _HERE + "rule/{own}"),
    ),
    Right(("AWS::KMS::Key",), "kms", ("CreateKey", "ListAliases")),
    Right(
        ("AWS::KMS::Key", "AWS::KMS::Alias"),
        "kms",
        (
            *("DescribeKey", "GetKey*", "PutKeyPolicy", "EnableKeyRotation", "UpdateKeyDescription"),
            *("ScheduleKeyDeletion", "*Alias", "*Tag*"),
        ),
        (_HERE + "key/*", _HERE + "alias/{app}-{stage}", _HERE + "alias/{app}-{stage}-signing"),
    ),
    Right(("AWS::SecretsManager::Secret",), "secretsmanager", ("GetRandomPassword",)),
    Right(
        ("AWS::SecretsManager::Secret",),
        "secretsmanager",
        ("CreateSecret", "UpdateSecret", "DeleteSecret", "DescribeSecret", "*Tag*"),
        (_HERE + "secret:{app}-{stage}-keys-*",),
    ),
    Right(
        ("AWS::SNS::Topic", "AWS::SNS::Subscription"),
        "sns",
        (
            *("CreateTopic", "DeleteTopic", "GetTopicAttributes", "SetTopicAttributes", "GetDataProtectionPolicy"),
            *("Subscribe", "ListSubscriptionsByTopic", "*Tag*"),
        ),
        (_HERE + "{app}-{stage}-alarms",),
    ),
    Right(("AWS::SNS::Subscription",), "sns", ("Unsubscribe", "GetSubscriptionAttributes")),
    Right(
        ("AWS::CloudWatch::Alarm",),
        "cloudwatch",
        ("PutMetricAlarm", "DeleteAlarms", "DescribeAlarms", "*Tag*"),
        (_HERE + "alarm:{own}",),
    ),
    Right(
        ("AWS::Logs::LogGroup", "AWS::Logs::MetricFilter"),
        "logs",
        (
            *("CreateLogGroup", "DeleteLogGroup", "*RetentionPolicy", "PutMetricFilter", "DeleteMetricFilter"),
            *("DescribeMetricFilters", "*Tag*"),
        ),
        (_HERE + "log-group:/{app}/{stage}/*",),
    ),
    # Access logs of sockets are delivered by CloudWatch Logs, which asks the caller for these.
    Right(
        ("AWS::Logs::LogGroup", "AWS::ApiGatewayV2::Stage"),
        "logs",
        (
            *("DescribeLogGroups", "DescribeIndexPolicies", "*LogDelivery", "ListLogDeliveries", "PutResourcePolicy"),
            "DescribeResourcePolicies",
        ),
    ),
    Right(
        ("AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig"),
        "lambda",
        (
            *("CreateFunction", "DeleteFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration", "GetFunction*"),
            *("*FunctionConcurrency", "*FunctionEventInvokeConfig", "PutFunctionRecursionConfig"),
            *("GetRuntimeManagementConfig", "GetPolicy", "AddPermission", "RemovePermission", "*Tag*"),
        ),
        (_HERE + "function:{own}",),
    ),
    Right(("AWS::Lambda::EventSourceMapping",), "lambda", ("CreateEventSourceMapping",)),
    Right(
        ("AWS::Lambda::EventSourceMapping",),
        "lambda",
        ("GetEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping", "*Tag*"),
        (_HERE + "event-source-mapping:*",),
    ),
    Right(("AWS::Lambda::Function",), "ec2", ("DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups")),
    Right(
        ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"),
        "iam",
        (
            *("CreateRole", "DeleteRole", "GetRole", "UpdateRole*", "*RolePolic*", "ListRoleTags", "TagRole"),
            *("UntagRole", "CreatePolicy*", "DeletePolicy*", "GetPolicy*", "ListPolicyVersions"),
            "ListEntitiesForPolicy",
        ),
        (*_ROLES, "arn:{partition}:iam::{account}:policy/{own}"),
    ),
    Right(
        ("AWS::IAM::Role",),
        "iam",
        ("PassRole",),
        _ROLES,
        {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "apigateway.amazonaws.com"]}},
    ),
    Right(
        (
            *("AWS::ApiGateway::RestApi", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage"),
            *("AWS::ApiGateway::Account", "AWS::ApiGateway::DomainName", "AWS::ApiGateway::BasePathMapping"),
            *("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::Route"),
            *("AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping"),
        ),
        "apigateway",
        ("*",),
        ("arn:{partition}:apigateway:{region}::/*",),
    ),
    # The first custom domain of an account.
    Right(
        ("AWS::ApiGateway::DomainName", "AWS::ApiGatewayV2::DomainName"),
        "iam",
        ("CreateServiceLinkedRole",),
        ("arn:{partition}:iam::{account}:role/aws-service-role/ops.apigateway.amazonaws.com/*",),
        {"StringEquals": {"iam:AWSServiceName": "ops.apigateway.amazonaws.com"}},
    ),
    Right(
        ("AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation"),
        "wafv2",
        ("*WebACL", "GetWebACLForResource", "ListResourcesForWebACL", "*Tag*"),
        (_HERE + "regional/*", "arn:{partition}:apigateway:{region}::/restapis/*/stages/*"),
    ),
    Right(
        ("AWS::Budgets::Budget",),
        "budgets",
        ("ModifyBudget", "ViewBudget", "*Tag*"),
        ("arn:{partition}:budgets::{account}:budget/*",),
    ),
)


def policy(stage: str, account: str, region: str, partition: str) -> Json:
    """The policy document."""
    whole = f"{APP_NAME}-{stage}-"
    own = f"{whole}*" if len(whole) <= _SHORTENED else f"{whole[:_SHORTENED]}*"
    words = {"app": APP_NAME, "stage": stage, "account": account, "region": region, "partition": partition, "own": own}
    anywhere = [each for each in RIGHTS if each.resources == ("*",)]
    actions = sorted({action for each in anywhere for action in _actions(each)})
    bound = [_statement(each, words) for each in RIGHTS if each not in anywhere]
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}, *bound]}


def types() -> set[str]:
    """The resource types that can be deployed with the policy."""
    return {name for each in RIGHTS for name in each.types}


def _statement(right: Right, words: dict[str, str]) -> Json:
    resources = [each.format(**words, service=right.service) for each in right.resources]
    condition = {"Condition": right.condition} if right.condition else {}
    return {"Effect": "Allow", "Action": _actions(right), "Resource": resources, **condition}


def _actions(right: Right) -> list[str]:
    return [f"{right.service}:{action}" for action in right.actions]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.rights", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--region", required=True)
    asked = parser.parse_args()
    partition = boto3.Session().get_partition_for_region(asked.region)
    print(json.dumps(policy(asked.stage, asked.account, asked.region, partition), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

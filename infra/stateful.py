"""The stateful stack: everything that outlives a deployment of the code. Its outputs are the application's parameters.

All names contain the stage (``edge-admin-{stage}-...``), and on AWS tables, key, secret and bucket survive the deletion
of the stack. Queues are deleted with it: sweeps requeue the waiting work, dead letters are lost. It does not depend on
the functions' code.
"""

import json
from typing import Any

from chalicelib.kit.tables.schema import Index, Table
from chalicelib.platform.buckets import Bucket
from chalicelib.platform.relay.queues import RELAY_FAILURES
from infra.deployables import Deployable
from infra.functions import APP_NAME, logical_id
from infra.import_roles import import_role, import_role_parameter, import_role_resource
from infra.queues import only_by_tls, queue_parameter, queue_resource, queue_url_prefix, queues, stage_name

Json = dict[str, Any]

SIGNING_ALIAS = f"alias/{APP_NAME}-${{Stage}}-signing"
"""The alias of the first asymmetric key. Those of keys that a rotation makes begin with it."""

ARTIFACTS, ARTIFACTS_OUTPUT = "Artifacts", "ArtifactBucket"
"""The bucket for what a deployment uploads: its resource, and the output with its name."""

TABLE_PREFIX: Json = {"Fn::Sub": f"{APP_NAME}-${{Stage}}-"}


def stateful_template(deployable: Deployable, *, retain: bool) -> Json:
    """The template of the stateful stack below that stack. ``retain`` keeps data when the stack or a resource in it is
    deleted."""
    resources: Json = {}
    outputs: Json = {"TablePrefix": TABLE_PREFIX} if deployable.is_core else {}
    for table in deployable.tables:
        resources[table_resource(table)] = _table(table, retain=retain)
        if table.stream:
            outputs[stream_parameter(table)] = {"Fn::GetAtt": [table_resource(table), "StreamArn"]}
    for bucket in deployable.buckets:
        resources |= _expiring(bucket, retain=retain)
        outputs[bucket_parameter(bucket)] = {"Ref": bucket_resource(bucket)}
        if bucket.is_imported:
            resources |= import_role(bucket, bucket_resource(bucket))
            outputs[import_role_parameter(bucket)] = {"Ref": import_role_resource(bucket)}
    for queue in deployable.queues:
        outputs[queue_parameter(queue)] = {"Fn::GetAtt": [queue_resource(queue), "Arn"]}
    if deployable.is_core:
        resources |= queues(deployable, {"Ref": "EventBus"})
        resources |= (
            _bus()
            | _key(retain=retain)
            | _signing_key(retain=retain)
            | _secret(retain=retain)
            | _artifacts(retain=retain)
            | _topic()
        )
        outputs["QueueUrlPrefix"] = queue_url_prefix(RELAY_FAILURES)
        outputs |= {
            "EventBusName": {"Ref": "EventBus"},
            "EventBusArn": {"Fn::GetAtt": ["EventBus", "Arn"]},
            "KeyArn": {"Fn::GetAtt": ["Key", "Arn"]},
            "SigningKeyArn": {"Fn::GetAtt": ["SigningKey", "Arn"]},
            "SecretArn": {"Fn::GetAtt": ["Secret", "Id"]},
            ARTIFACTS_OUTPUT: {"Ref": ARTIFACTS},
            "AlarmTopicArn": {"Ref": "AlarmTopic"},
        }
    else:
        resources |= queues(deployable, {"Ref": "EventBusName"})
    family = deployable.family.name
    own = "tables, queues, bus, key and secret" if deployable.is_core else f"tables and queues of {family}"
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Edge Admin: {own}",
        "Parameters": _parameters(deployable),
        "Resources": resources,
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }


def _parameters(deployable: Deployable) -> Json:
    """The stage, and for a family outputs of the core's stateful stack."""
    parameters: Json = {"Stage": {"Type": "String", "AllowedPattern": "[a-z][a-z0-9]{1,15}"}}
    if not deployable.is_core:
        needed = {"EventBusName": deployable.subscriptions}
        parameters |= {name: {"Type": "String"} for name, users in needed.items() if users}
    return parameters


def to_compact_json(template: Json) -> str:
    """The template without white space: CloudFormation counts bytes."""
    return json.dumps(template, separators=(",", ":"))


def table_resource(table: Table) -> str:
    return f"{logical_id(table.name)}Table"


def bucket_resource(bucket: Bucket) -> str:
    return f"{logical_id(bucket.name)}Bucket"


def bucket_parameter(bucket: Bucket) -> str:
    """The name of the output and parameter with a bucket's name."""
    return f"{logical_id(bucket.name)}BucketName"


def bucket_name(bucket: Bucket) -> Json:
    """The name of a bucket in the templates of functions: a parameter, or what follows from the stage."""
    if bucket.is_imported:
        return {"Fn::Sub": f"{APP_NAME}-${{Stage}}-{bucket.name}-${{AWS::AccountId}}-${{AWS::Region}}"}
    return {"Ref": bucket_parameter(bucket)}


def stream_parameter(table: Table) -> str:
    """The name of the output and parameter with a table's stream ARN."""
    return f"{logical_id(table.name)}StreamArn"


def _kept(resource: Json, *, retain: bool) -> Json:
    policy = "Retain" if retain else "Delete"
    return {**resource, "DeletionPolicy": policy, "UpdateReplacePolicy": policy}


def _key_schema(partition: str, sort: str | None) -> list[Json]:
    schema = [{"AttributeName": partition, "KeyType": "HASH"}]
    return schema if sort is None else [*schema, {"AttributeName": sort, "KeyType": "RANGE"}]


def _index(index: Index) -> Json:
    projection: Json = {"ProjectionType": "KEYS_ONLY"}
    if index.projected:
        projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.projected)}
    return {
        "IndexName": index.name,
        "KeySchema": _key_schema(index.partition, index.sort),
        "Projection": projection,
    }


def _table(table: Table, *, retain: bool) -> Json:
    """The table's resource. It is encrypted with DynamoDB's own key, the default: the AWS managed key would be no
    better, and charges per use."""
    names = {table.partition, table.sort} | {n for index in table.indexes for n in (index.partition, index.sort)}
    keys = sorted(name for name in names if name is not None)
    properties: Json = {
        "TableName": stage_name(table.name),
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "N" if name in table.numbers else "S"} for name in keys
        ],
        "KeySchema": _key_schema(table.partition, table.sort),
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "DeletionProtectionEnabled": retain,
    }
    if table.indexes:
        properties["GlobalSecondaryIndexes"] = [_index(index) for index in table.indexes]
    if table.stream:
        properties["StreamSpecification"] = {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    if table.expires_at is not None:
        properties["TimeToLiveSpecification"] = {"AttributeName": table.expires_at, "Enabled": True}
    return _kept({"Type": "AWS::DynamoDB::Table", "Properties": properties}, retain=retain)


def _bus() -> Json:
    return {"EventBus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": stage_name("events")}}}


def _topic() -> Json:
    """The topic for alarms. Its subscriptions are part of the application's template."""
    properties: Json = {"TopicName": stage_name("alarms"), "KmsMasterKeyId": {"Ref": "Key"}}
    return {"AlarmTopic": {"Type": "AWS::SNS::Topic", "Properties": properties}}


def _key(*, retain: bool) -> Json:
    """The key that wraps the stage's data key. The account decides who may use it, by the functions' roles.

    Alarms use it too: CloudWatch may not publish to a topic that is encrypted with the key that AWS manages for SNS
    (SNS developer guide, "Enable compatibility between event sources from AWS services and encrypted topics").
    """
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountDecides",
                "Effect": "Allow",
                "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "AlarmsReachTheTopic",
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
            },
        ],
    }
    key: Json = {
        "Type": "AWS::KMS::Key",
        "Properties": {"EnableKeyRotation": True, "KeyPolicy": policy, "Description": stage_name("secrets at rest")},
    }
    alias = {
        "Type": "AWS::KMS::Alias",
        "Properties": {"AliasName": {"Fn::Sub": f"alias/{APP_NAME}-${{Stage}}"}, "TargetKeyId": {"Ref": "Key"}},
    }
    return {"Key": _kept(key, retain=retain), "KeyAlias": alias}


def _signing_key(*, retain: bool) -> Json:
    """The asymmetric key that signs. KMS cannot rotate one by itself: `infra.rotate` makes another. Its policy
    is the default one: the account decides who may use it."""
    properties: Json = {
        "KeySpec": "RSA_2048",
        "KeyUsage": "SIGN_VERIFY",
        "Description": stage_name("signatures"),
    }
    alias = {
        "Type": "AWS::KMS::Alias",
        "Properties": {"AliasName": {"Fn::Sub": SIGNING_ALIAS}, "TargetKeyId": {"Ref": "SigningKey"}},
    }
    key = _kept({"Type": "AWS::KMS::Key", "Properties": properties}, retain=retain)
    return {"SigningKey": key, "SigningKeyAlias": alias}


def _secret(*, retain: bool) -> Json:
    """The API keys. Only MASTER_KEY is created here; the others equal it until they are set."""
    generated = {
        "SecretStringTemplate": "{}",
        "GenerateStringKey": "MASTER_KEY",
        "PasswordLength": 43,
        "ExcludePunctuation": True,
    }
    properties: Json = {
        "Name": stage_name("keys"),
        "Description": "MASTER_KEY of the operator API, and where set API_KEY, METRICS_KEY and NETMAKER_MASTER_KEY",
        "GenerateSecretString": generated,
    }
    return {"Secret": _kept({"Type": "AWS::SecretsManager::Secret", "Properties": properties}, retain=retain)}


def _expiring(bucket: Bucket, *, retain: bool) -> Json:
    """A bucket of a family, whose objects are deleted in time. Nothing in it can be restored."""
    rule = {"Id": "expire", "Status": "Enabled", "ExpirationInDays": bucket.kept_days}
    abandoned = {"Id": "abandoned", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
    lifecycle: Json = {"LifecycleConfiguration": {"Rules": [rule, abandoned]}}
    named: Json = {"BucketName": bucket_name(bucket)} if bucket.is_imported else {}
    return _bucket(bucket_resource(bucket), {**named, **lifecycle}, retain=retain)


def _artifacts(*, retain: bool) -> Json:
    """The bucket for the packages of deployments. CloudFormation generates its name, since bucket names are shared by
    all accounts. Nothing in it expires, and deleted objects can be restored: a rollback needs the previous package,
    however old."""
    return _bucket(ARTIFACTS, {"VersioningConfiguration": {"Status": "Enabled"}}, retain=retain)


def _bucket(name: str, more: Json, *, retain: bool) -> Json:
    """A bucket that is closed to the public, encrypted, for TLS alone."""
    closed = {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    encryption = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    properties: Json = {
        "PublicAccessBlockConfiguration": closed,
        "BucketEncryption": {"ServerSideEncryptionConfiguration": encryption},
        **more,
    }
    bucket: Json = {"Type": "AWS::S3::Bucket", "Properties": properties}
    policy = only_by_tls("s3:*", [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}])
    of_bucket = {"Bucket": {"Ref": name}, "PolicyDocument": policy}
    return {
        name: _kept(bucket, retain=retain),
        f"{name}Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": of_bucket},
    }

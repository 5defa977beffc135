"""The stateful stack: everything that outlives a deployment of the code. Its outputs are the application's parameters.

All names contain the stage (``edge-admin-{stage}-...``), and on AWS tables, key, secret and bucket survive the deletion
of the stack. Queues are deleted with it: sweeps requeue the waiting work, dead letters are lost. It does not depend on
the functions' code.
"""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.kit.queues import Queue
from chalicelib.kit.tables.schema import Index, Table
from infra.alarms import age_alarm, waiting_alarm
from infra.functions import APP_NAME, MAX_RECEIVES, QUEUES, VISIBILITY_TIMEOUTS, consumer_of, logical_id

Json = dict[str, Any]

RETENTION_SECONDS = 1_209_600
"""Fourteen days, the maximum of SQS, so that dead letters survive a holiday."""

TABLE_PREFIX: Json = {"Fn::Sub": f"{APP_NAME}-${{Stage}}-"}


def stateful_template(tables: Sequence[Table], *, retain: bool) -> Json:
    """The template. ``retain`` keeps data when the stack or a resource in it is deleted."""
    resources: Json = {}
    outputs: Json = {"TablePrefix": TABLE_PREFIX}
    for table in tables:
        resources[table_resource(table)] = _table(table, retain=retain)
        if table.stream:
            outputs[stream_parameter(table)] = {"Fn::GetAtt": [table_resource(table), "StreamArn"]}
    for queue in QUEUES:
        resources |= _queue(queue)
        outputs[queue_parameter(queue)] = {"Fn::GetAtt": [f"{logical_id(queue)}Queue", "Arn"]}
    outputs["QueueUrls"] = _queue_urls()
    resources |= _bus() | _key(retain=retain) | _secret(retain=retain) | _artifacts(retain=retain)
    resources |= _topic() | _tls_only()
    outputs |= {
        "EventBusName": {"Ref": "EventBus"},
        "EventBusArn": {"Fn::GetAtt": ["EventBus", "Arn"]},
        "KeyArn": {"Fn::GetAtt": ["Key", "Arn"]},
        "SecretArn": {"Fn::GetAtt": ["Secret", "Id"]},
        "ArtifactBucket": {"Ref": "Artifacts"},
        "AlarmTopicArn": {"Ref": "AlarmTopic"},
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Edge Admin: tables, queues, bus, key and secret",
        "Parameters": {"Stage": {"Type": "String", "AllowedPattern": "[a-z][a-z0-9]{1,15}"}},
        "Resources": resources,
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }


def to_compact_json(template: Json) -> str:
    """The template without white space: CloudFormation counts bytes."""
    return json.dumps(template, separators=(",", ":"))


def table_resource(table: Table) -> str:
    return f"{logical_id(table.name)}Table"


def stream_parameter(table: Table) -> str:
    """The name of the output and parameter with a table's stream ARN."""
    return f"{logical_id(table.name)}StreamArn"


def queue_parameter(queue: Queue) -> str:
    """The name of the output and parameter with a queue's ARN."""
    return f"{logical_id(queue)}QueueArn"


def _named(name: str) -> Json:
    return {"Fn::Sub": f"{APP_NAME}-${{Stage}}-{name}"}


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
        "TableName": _named(table.name),
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


def _queue(queue: Queue) -> Json:
    """A queue with its dead-letter queue, and the alarms on messages that wait too long and on dead letters."""
    name = f"{logical_id(queue)}Queue"
    consumer = consumer_of(queue)
    properties: Json = {
        "QueueName": _named(queue),
        "SqsManagedSseEnabled": True,
        "MessageRetentionPeriod": RETENTION_SECONDS,
    }
    if consumer is None:
        return {name: {"Type": "AWS::SQS::Queue", "Properties": properties}, **_waiting_alarm(queue, name)}
    dead = f"{logical_id(queue)}DeadQueue"
    redrive: Json = {"deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]}, "maxReceiveCount": MAX_RECEIVES}
    visibility = VISIBILITY_TIMEOUTS * consumer.timeout_seconds
    return {
        name: {
            "Type": "AWS::SQS::Queue",
            "Properties": {**properties, "VisibilityTimeout": visibility, "RedrivePolicy": redrive},
        },
        dead: {"Type": "AWS::SQS::Queue", "Properties": {**properties, "QueueName": _named(f"{queue}-dead")}},
        f"{name}AgeAlarm": age_alarm(consumer, name, {"Ref": "AlarmTopic"}),
        **_waiting_alarm(f"{queue}-dead", dead),
    }


def _waiting_alarm(queue: str, resource: str) -> Json:
    alarm = waiting_alarm(f"A message of {queue}", resource, {"Ref": "AlarmTopic"})
    alarm["Properties"]["AlarmName"] = _named(f"{queue}-waiting")
    return {f"{resource}Alarm": alarm}


def _queue_urls() -> Json:
    urls = {queue: f"${{{logical_id(queue)}Queue}}" for queue in QUEUES}
    return {"Fn::Sub": json.dumps(urls, separators=(",", ":"))}


def _bus() -> Json:
    return {"EventBus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": _named("events")}}}


def _topic() -> Json:
    """The topic for alarms. Its subscriptions are part of the application's template."""
    properties: Json = {"TopicName": _named("alarms"), "KmsMasterKeyId": {"Ref": "Key"}}
    return {"AlarmTopic": {"Type": "AWS::SNS::Topic", "Properties": properties}}


def only_by_tls(action: str, resource: Any) -> Json:
    """A policy: nothing without TLS. The policies of the callers decide about access."""
    refused = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [refused]}


def _tls_only() -> Json:
    queues = [{"Ref": f"{logical_id(queue)}Queue"} for queue in QUEUES]
    queues += [{"Ref": f"{logical_id(queue)}DeadQueue"} for queue in QUEUES if consumer_of(queue)]
    objects = {"Fn::Sub": "${Artifacts.Arn}/*"}
    of_bucket = only_by_tls("s3:*", [{"Fn::GetAtt": ["Artifacts", "Arn"]}, objects])
    return {
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": queues, "PolicyDocument": only_by_tls("sqs:*", "*")},
        },
        "ArtifactsPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Artifacts"}, "PolicyDocument": of_bucket},
        },
    }


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
        "Properties": {"EnableKeyRotation": True, "KeyPolicy": policy, "Description": _named("secrets at rest")},
    }
    alias = {
        "Type": "AWS::KMS::Alias",
        "Properties": {"AliasName": {"Fn::Sub": f"alias/{APP_NAME}-${{Stage}}"}, "TargetKeyId": {"Ref": "Key"}},
    }
    return {"Key": _kept(key, retain=retain), "KeyAlias": alias}


def _secret(*, retain: bool) -> Json:
    """The API keys. Only MASTER_KEY is created here; the others equal it until they are set."""
    generated = {
        "SecretStringTemplate": "{}",
        "GenerateStringKey": "MASTER_KEY",
        "PasswordLength": 43,
        "ExcludePunctuation": True,
    }
    properties: Json = {
        "Name": _named("keys"),
        "Description": "MASTER_KEY of the operator API, and where set API_KEY, METRICS_KEY and NETMAKER_MASTER_KEY",
        "GenerateSecretString": generated,
    }
    return {"Secret": _kept({"Type": "AWS::SecretsManager::Secret", "Properties": properties}, retain=retain)}


def _artifacts(*, retain: bool) -> Json:
    """The bucket for the packages of deployments. CloudFormation generates its name, since bucket names are shared by
    all accounts. Nothing in it expires, and deleted objects can be restored: a rollback needs the previous package,
    however old."""
    closed = {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    encryption = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    properties: Json = {
        "PublicAccessBlockConfiguration": closed,
        "VersioningConfiguration": {"Status": "Enabled"},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": encryption},
    }
    return {"Artifacts": _kept({"Type": "AWS::S3::Bucket", "Properties": properties}, retain=retain)}

"""The policies of the functions' roles, made of their grants.

The inline policies of a role may have 10,240 characters together (IAM quotas). A role with many tables has its grants
on them in managed policies, of 6,144 characters each, instead; everything else stays inline.
"""

import zlib
from collections.abc import Mapping
from typing import Any

from chalicelib.fleet.distribution.model import PREFIX as AGENT_PREFIX
from chalicelib.kit.queues import Queue
from chalicelib.kit.tables.schema import Table
from chalicelib.platform.buckets import Bucket
from chalicelib.platform.context import QUERY, Grants, QueueSource, StreamSource
from infra.bucket_policies import bucket_statements
from infra.deployables import Deployable
from infra.functions import API_STAGE, APP_NAME, LambdaFunction
from infra.further import OWN_QUEUES, source_queue
from infra.machine_policies import machine_statements
from infra.queues import queue_parameter
from infra.stateful import SIGNING_ALIAS, bucket_name, stream_parameter

Json = dict[str, Any]

DATA_KEY_PURPOSE = "edge-admin data key"
"""The encryption context of every data key that the code requests from KMS."""

MANY_TABLES = 25
"""A role with grants on as many tables has them in managed policies."""

PARTS = 4
"""Managed policies of a role. Ten can be attached to one (IAM quotas), of which AWS's own for networks is one more."""


def policies(function: LambdaFunction, grants: Grants, deployable: Deployable) -> list[Json]:
    """The value of ``Policies`` of the function's IAM role, in that stack. Raises KeyError for a table that does not
    exist."""
    statements = [_logs(function)]
    if not _has_many_tables(grants):
        statements += _table_statements(grants, deployable.all_tables)
    if grants.sends:
        statements.append(_allow(["sqs:SendMessage"], [_queue_arn(queue, deployable) for queue in grants.sends]))
    if grants.sends_to_owners:
        statements.append(_allow(["sqs:SendMessage"], [_arn("sqs", OWN_QUEUES)]))
    if grants.counts:
        # The star stands for "" and "-dead": two ARNs for each queue would not fit into the role for long.
        counted = [_queue_arn(queue, deployable, "" if queue.is_manual else "*") for queue in grants.counts]
        statements.append(_allow(["sqs:GetQueueAttributes"], counted))
    statements += [statement for statement, is_granted in _single(grants) if is_granted]
    statements += machine_statements(grants)
    statements += bucket_statements(grants)
    if function.reaches_nodes:
        statements.append(_no_network_interfaces())
    statements += _source_statements(function, deployable)
    return [{"PolicyName": f"{function.role}Policy", "PolicyDocument": _document(statements)}]


def managed_policies(function: LambdaFunction, grants: Grants, deployable: Deployable) -> Json:
    """The managed policies that the function's IAM role needs, by logical id: none for a role with few tables.

    A table's part follows from its own name, so that another table moves none: a grant that moved from one policy to
    another would be missing for a moment of the deployment. Raises KeyError for a table that does not exist."""
    if not _has_many_tables(grants):
        return {}
    made: Json = {}
    for part in range(PARTS):
        own = {name: actions for name, actions in grants.tables.items() if zlib.crc32(name.encode()) % PARTS == part}
        if own:
            statements = _table_statements(Grants(tables=own), deployable.all_tables)
            properties = {"PolicyDocument": _document(statements)}
            made[f"{function.role}Tables{part + 1}"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}
    return made


def documents_of(resource: Json) -> list[Json]:
    """The policy documents of a template's resource: those of a role, or that of a managed policy."""
    match resource["Type"]:
        case "AWS::IAM::Role":
            return [each["PolicyDocument"] for each in resource["Properties"].get("Policies", [])]
        case "AWS::IAM::ManagedPolicy":
            return [resource["Properties"]["PolicyDocument"]]
        case _:
            return []


def _has_many_tables(grants: Grants) -> bool:
    return len(grants.tables) >= MANY_TABLES


def _document(statements: list[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": statements}


_PARTS = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
_LISTS = ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"]
"""To list a bucket tells a key that is missing from one that may not be read. EC2 asks that who imports a file may tell
the region of its bucket (VM Import/Export user guide, "Required permissions")."""


def _single(grants: Grants) -> tuple[tuple[Json, bool], ...]:
    """The single permissions: actions on a resource, and whether they are granted."""
    agent = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::${{ArtifactBucket}}/{AGENT_PREFIX}*"}
    return (
        (_allow(["events:PutEvents"], [{"Ref": "EventBusArn"}]), grants.publishes),
        (_allow(["secretsmanager:GetSecretValue"], [{"Ref": "SecretArn"}]), grants.reads_keys),
        (_for_data_keys(grants), grants.decrypts or grants.makes_data_key),
        (_allow(["execute-api:ManageConnections"], [_sockets_arn()]), grants.posts_to_sockets),
        (_allow(["s3:GetObject"], [agent]), grants.hands_out_agent),
        (
            _allow(["s3:GetObject", "s3:PutObject"], [_objects_of(one) for one in grants.buckets] or [{}]),
            bool(grants.buckets),
        ),
        (_allow(["s3:DeleteObject"], [_objects_of(one) for one in grants.empties] or [{}]), bool(grants.empties)),
        (_allow(_PARTS, [_objects_of(one) for one in grants.assembles] or [{}]), bool(grants.assembles)),
        (_allow(_LISTS, [_bucket_of(one) for one in grants.assembles] or [{}]), bool(grants.assembles)),
        (_for_signing_keys(grants), grants.signs or grants.reads_public_keys),
        (
            _allow(["ses:SendEmail"], [_arn("ses", "identity/*"), _arn("ses", "configuration-set/*")]),
            grants.sends_mails,
        ),
    )


def _allow(actions: list[str], resources: list[Any]) -> Json:
    return {"Effect": "Allow", "Action": actions, "Resource": resources if len(resources) > 1 else resources[0]}


def _objects_of(bucket: Bucket) -> Json:
    return {"Fn::Sub": f"{_bucket_of(bucket)['Fn::Sub']}/*"}


def _bucket_of(bucket: Bucket) -> Json:
    name = bucket_name(bucket)
    known = name.get("Fn::Sub") or f"${{{name['Ref']}}}"
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{known}"}


def _queue_arn(queue: Queue, deployable: Deployable, end: str = "") -> Json:
    """The ARN of a queue: a parameter of the stack, or made of the name where the queue is another family's, whose
    stacks come later or may be absent."""
    if queue not in deployable.queues:
        return _arn("sqs", f"{APP_NAME}-${{Stage}}-{queue}{end}")
    name = queue_parameter(queue)
    return {"Fn::Sub": f"${{{name}}}{end}"} if end else {"Ref": name}


def _arn(service: str, resource: str) -> Json:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"}


def _sockets_arn() -> Json:
    return _arn("execute-api", f"${{WebsocketAPI}}/{API_STAGE}/*/@connections/*")


def _logs(function: LambdaFunction) -> Json:
    """The permission to write to its own log group, which exists before the function."""
    return _allow(
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        [{"Fn::GetAtt": [function.log_group, "Arn"]}],
    )


def _no_network_interfaces() -> Json:
    """Lambda makes a function's network interfaces with the function's own role; its code has no business with them
    (Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC")."""
    interfaces = ["Create", "Delete", "Describe", "Detach"]
    actions = [
        *(f"ec2:{verb}NetworkInterface{'s' if verb == 'Describe' else ''}" for verb in interfaces),
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
        "ec2:DescribeSubnets",
    ]
    by_code = {"ArnLike": {"lambda:SourceFunctionArn": _arn("lambda", "function:*")}}
    return {"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": by_code}


def _for_data_keys(grants: Grants) -> Json:
    """Access to the key for its one purpose; a request with another purpose is denied."""
    purpose = {"StringEquals": {"kms:EncryptionContext:purpose": DATA_KEY_PURPOSE}}
    may = (("kms:Decrypt", grants.decrypts), ("kms:GenerateDataKey", grants.makes_data_key))
    actions = [action for action, is_granted in may if is_granted]
    return {**_allow(actions, [{"Ref": "KeyArn"}]), "Condition": purpose}


def _for_signing_keys(grants: Grants) -> Json:
    """Use of the stage's asymmetric keys, which are known by their aliases: a rotation makes another key."""
    may = (("kms:Sign", grants.signs), ("kms:GetPublicKey", grants.reads_public_keys))
    actions = [action for action, is_granted in may if is_granted]
    of_stage = {"ForAnyValue:StringLike": {"kms:ResourceAliases": {"Fn::Sub": f"{SIGNING_ALIAS}*"}}}
    return {**_allow(actions, [_arn("kms", "key/*")]), "Condition": of_stage}


def _table_statements(grants: Grants, tables: Mapping[str, Table]) -> list[Json]:
    """One statement for all tables with the same actions, to keep policies short. For the same reason a query is
    granted on all indexes of a table at once."""
    by_actions: dict[tuple[str, ...], list[Json]] = {}
    for name, actions in sorted(grants.tables.items()):
        rows = f"table/${{TablePrefix}}{tables[name].name}"
        on_indexes = actions & QUERY if tables[name].indexes else frozenset()
        if on_rows := actions - on_indexes | (on_indexes if tables[name].queried else frozenset()):
            by_actions.setdefault(tuple(sorted(on_rows)), []).append(_arn("dynamodb", rows))
        if on_indexes:
            by_actions.setdefault(tuple(sorted(on_indexes)), []).append(_arn("dynamodb", f"{rows}/index/*"))
    return [_allow([f"dynamodb:{action}" for action in actions], arns) for actions, arns in sorted(by_actions.items())]


def _source_statements(function: LambdaFunction, deployable: Deployable) -> list[Json]:
    """The permissions that Lambda's poller needs, in the role of the function, to read its event source."""
    match function.source:
        case QueueSource(queue=queue):
            actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            return [_allow(actions, [source_queue(queue, deployable)])]
        case StreamSource():
            streams: list[Json] = [{"Ref": stream_parameter(table)} for table in deployable.streams]
            return [
                _allow(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], streams),
                # IAM has no narrower resource for it; it reveals only the streams' names.
                _allow(["dynamodb:ListStreams"], ["*"]),
            ]
        case _:
            return []

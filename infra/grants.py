"""What each function may do: least privilege, written down once and turned into the policies of its role.

A grant that is missing fails the end-to-end run (the local cloud checks policies as AWS does); one that is never used
fails the test that compares the calls of that run with this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kit.queues import Queue
from chalicelib.kit.tables.schema import Table
from infra.functions import API_STAGE, Function, QueueSource, StreamSource
from infra.stateful import queue_parameter, stream_parameter

Json = dict[str, Any]

GET = frozenset({"GetItem"})
BATCH_GET = frozenset({"BatchGetItem"})
QUERY = frozenset({"Query"})
PUT = frozenset({"PutItem"})
UPDATE = frozenset({"UpdateItem"})
DELETE = frozenset({"DeleteItem"})
CHECK = frozenset({"ConditionCheckItem"})
"""DynamoDB's actions. A transaction is authorised as the single writes that it holds, ConditionCheckItem included."""

READ = GET | BATCH_GET | QUERY
WRITE = PUT | UPDATE | DELETE | CHECK


@dataclass(frozen=True)
class Grants:
    """``tables`` maps a table's name to DynamoDB actions (Query covers its indexes); ``sends`` names queues.

    ``counts`` names queues whose length it may ask for; ``secrets`` opens the API keys and the stage's data key.
    """

    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sends: tuple[Queue, ...] = ()
    counts: tuple[Queue, ...] = ()
    publishes: bool = False
    secrets: bool = False
    posts_to_sockets: bool = False


GRANTS: Mapping[str, Grants] = {}


def policies(function: Function, grants: Grants, tables: Mapping[str, Table]) -> list[Json]:
    """The value of the role's ``Policies``. Raises KeyError for a table that does not exist."""
    statements = [_logs(function)]
    for name, actions in sorted(grants.tables.items()):
        statements += _table_statements(tables[name], actions)
    if grants.sends:
        statements.append(_allow(["sqs:SendMessage"], [{"Ref": queue_parameter(queue)} for queue in grants.sends]))
    if grants.counts:
        counted = [{"Ref": queue_parameter(queue)} for queue in grants.counts]
        statements.append(_allow(["sqs:GetQueueAttributes"], counted))
    if grants.publishes:
        statements.append(_allow(["events:PutEvents"], [{"Ref": "EventBusArn"}]))
    if grants.secrets:
        statements.append(_allow(["secretsmanager:GetSecretValue"], [{"Ref": "SecretArn"}]))
        statements.append(_allow(["kms:Decrypt", "kms:GenerateDataKey"], [{"Ref": "KeyArn"}]))
    if grants.posts_to_sockets:
        statements.append(_allow(["execute-api:ManageConnections"], [_sockets_arn()]))
    statements += _source_statements(function, tables)
    document = {"Version": "2012-10-17", "Statement": statements}
    return [{"PolicyName": f"{function.role}Policy", "PolicyDocument": document}]


def _allow(actions: list[str], resources: list[Json]) -> Json:
    return {"Effect": "Allow", "Action": actions, "Resource": resources if len(resources) > 1 else resources[0]}


def _arn(service: str, resource: str) -> Json:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"}


def _sockets_arn() -> Json:
    return _arn("execute-api", f"${{WebsocketAPI}}/{API_STAGE}/*/@connections/*")


def _logs(function: Function) -> Json:
    """Writing to its own log group, which exists before it does."""
    return _allow(
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        [{"Fn::GetAtt": [function.log_group, "Arn"]}],
    )


def _table_statements(table: Table, actions: frozenset[str]) -> list[Json]:
    rows = _arn("dynamodb", f"table/${{TablePrefix}}{table.name}")
    statements = [_allow([f"dynamodb:{action}" for action in sorted(actions)], [rows])]
    if "Query" in actions and table.indexes:
        indexes = [
            _arn("dynamodb", f"table/${{TablePrefix}}{table.name}/index/{index.name}") for index in table.indexes
        ]
        statements.append(_allow(["dynamodb:Query"], indexes))
    return statements


def _source_statements(function: Function, tables: Mapping[str, Table]) -> list[Json]:
    """What Lambda's poller needs, in the function's name, to read what starts it."""
    match function.source:
        case QueueSource(queue=queue):
            actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            return [_allow(actions, [{"Ref": queue_parameter(queue)}])]
        case StreamSource():
            streamed = [table for table in tables.values() if table.stream]
            streams: list[Json] = [{"Ref": stream_parameter(table)} for table in streamed]
            of_tables = [_arn("dynamodb", f"table/${{TablePrefix}}{table.name}/stream/*") for table in streamed]
            return [
                _allow(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], streams),
                _allow(["dynamodb:ListStreams"], of_tables),
            ]
        case _:
            return []

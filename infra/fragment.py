"""The fragment that `chalice package --merge-template` lays over Chalice's own template.

Chalice knows routes and handlers; this adds what it cannot say: parameters, environment, sizes, event sources with
partial batch answers and bounded concurrency, roles per function, log retention, throttling and API Gateway's own
refusals in the API's envelope. Merging replaces lists and never fails on a wrong name: `check_types` finds those.
"""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.kit.queues import Queue
from chalicelib.kit.tables.schema import Table
from infra.alarms import application_alarms
from infra.functions import (
    API_STAGE,
    APP_NAME,
    Function,
    QueueSource,
    Role,
    StreamSource,
    functions_of,
)
from infra.further import NAME_PATTERN, OWN_QUEUE, WEBSOCKET_API, own_queue, source_queue
from infra.grants import GRANTS, policies
from infra.parameters import NETWORK_VARIABLES, documented_settings, parameter_name
from infra.stateful import queue_parameter, stream_parameter

Json = dict[str, Any]

LOG_RETENTION_DAYS = 30

STREAM_BISECT = False
"""A batch is retried whole: the relay itself passes over what it cannot understand."""

PUBLIC_ROUTES = (
    ("POST", "/api/v1/agents/enrollment_keys/verify"),
    ("POST", "/api/v1/agents/nodes"),
)
"""Routes that need no key: the only ones that a stranger can make work."""

PUBLIC_RATE_PER_SECOND = 50
PUBLIC_BURST = 100

_IN_NETWORK = "InNetwork"
_NETWORK_POLICY: Json = {
    "Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}
"""What Lambda needs to place a function in a network; AWS keeps it up to date."""

_ENVELOPE_CONTENT = "application/json"

GATEWAY_RESPONSES: tuple[tuple[str, int, str, str], ...] = (
    ("DEFAULT_4XX", 0, "bad_request", "Bad Request"),
    ("DEFAULT_5XX", 0, "internal_server_error", "Internal Server Error"),
    ("MISSING_AUTHENTICATION_TOKEN", 404, "not_found", "Resource not found"),
    ("RESOURCE_NOT_FOUND", 404, "not_found", "Resource not found"),
    ("REQUEST_TOO_LARGE", 413, "payload_too_large", "Payload Too Large"),
    ("THROTTLED", 429, "rate_limited", "Too Many Requests"),
    ("QUOTA_EXCEEDED", 429, "rate_limited", "Too Many Requests"),
    ("UNSUPPORTED_MEDIA_TYPE", 415, "unsupported_media_type", "Unsupported Media Type"),
    ("INTEGRATION_FAILURE", 503, "service_unavailable", "Service Unavailable"),
    ("INTEGRATION_TIMEOUT", 503, "service_unavailable", "Service Unavailable"),
)
"""What API Gateway answers by itself: its response type, the status (0 keeps its own), our code and message. For
REQUEST_TOO_LARGE it does not heed this yet (API Gateway developer guide, "Important notes"): above what Lambda takes, a
client gets its own words."""


def fragment(tables: Sequence[Table], role: Role = Role.CORE) -> Json:
    """The template to merge, for a stack of that role."""
    is_core = role is Role.CORE
    resources: Json = {}
    for each in functions_of(role):
        grants = GRANTS[each.name]
        resources[each.resource] = {"Properties": _function_properties(each, tables, role)}
        network = {"ManagedPolicyArns": _in_network([_NETWORK_POLICY])} if each.reaches_nodes else {}
        resources[each.role] = {"Properties": {"Policies": policies(each, grants, _by_name(tables), role), **network}}
        resources[each.log_group] = _log_group(each, role)
    resources["RestAPI"] = {"Properties": _api_properties()}
    resources |= application_alarms(role)
    if not is_core:
        resources |= own_queue()
    return {
        "Description": "Edge Admin: functions and APIs"
        if is_core
        else "Edge Admin: a further stack's functions and API",
        "Parameters": _parameters(tables) if is_core else _further_parameters(),
        "Conditions": {_IN_NETWORK: {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "SubnetIds"}]}, ""]}]}},
        "Globals": {"Function": {"Environment": {"Variables": _environment(role)}}},
        "Resources": resources,
        "Outputs": {"WebsocketURL": {"Value": _websocket_url("wss")}} if is_core else {},
    }


def check_types(template: Json) -> None:
    """Raises ValueError when a resource has no Type: the fragment named one that Chalice did not make."""
    untyped = [name for name, resource in template["Resources"].items() if "Type" not in resource]
    if untyped:
        raise ValueError(f"resources without a Type: {', '.join(untyped)}")


def _by_name(tables: Sequence[Table]) -> dict[str, Table]:
    return {table.name: table for table in tables}


def _parameters(tables: Sequence[Table]) -> Json:
    required = [
        "Stage",
        "TablePrefix",
        "QueueUrls",
        "EventBusName",
        "EventBusArn",
        "KeyArn",
        "SecretArn",
        "AlarmTopicArn",
    ]
    required += [queue_parameter(queue) for queue in Queue]
    required += [stream_parameter(table) for table in tables if table.stream]
    given: Json = {name: {"Type": "String"} for name in required}
    optional: Json = {parameter_name(name): {"Type": "String", "Default": ""} for name in documented_settings()}
    network = {parameter_name(name): {"Type": "CommaDelimitedList", "Default": ""} for name in NETWORK_VARIABLES}
    return given | optional | network


def _in_network(value: Json | list[Json]) -> Json:
    """The value where the deployer has named a network, else nothing."""
    return {"Fn::If": [_IN_NETWORK, value, {"Ref": "AWS::NoValue"}]}


def _further_parameters() -> Json:
    """It reads no stream, and needs to be told its name and the core's API for sockets."""
    own = {"Name": {"Type": "String", "AllowedPattern": NAME_PATTERN}, WEBSOCKET_API: {"Type": "String"}}
    return _parameters([]) | own


def _websocket_url(scheme: str) -> Json:
    host = "${WebsocketAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    return {"Fn::Sub": f"{scheme}://{host}/{API_STAGE}"}


def _environment(role: Role) -> Json:
    variables: Json = {
        "TABLE_PREFIX": {"Ref": "TablePrefix"},
        "QUEUE_URLS": {"Ref": "QueueUrls"},
        "EVENT_BUS_NAME": {"Ref": "EventBusName"},
        "KEYS_SECRET_ARN": {"Ref": "SecretArn"},
        "KMS_KEY_ID": {"Ref": "KeyArn"},
        "WEBSOCKET_URL": _websocket_url("wss"),
        "WEBSOCKET_MANAGEMENT_URL": _websocket_url("https"),
        "PYDANTIC_DISABLE_PLUGINS": "true",  # it looks through every package's metadata for some at each start
    }
    own = {} if role is Role.CORE else {"DELIVERY_QUEUE_URL": {"Ref": OWN_QUEUE}}
    return variables | own | {name: {"Ref": parameter_name(name)} for name in documented_settings()}


def _function_properties(each: Function, tables: Sequence[Table], role: Role) -> Json:
    properties: Json = {
        "Timeout": each.timeout_seconds,
        "MemorySize": each.memory_mb,
        "Environment": {"Variables": {"FUNCTION_NAME": each.name}},
        # JSON is what lets START, END and REPORT be left out: our own line of each invocation says as much, and of an
        # idle fleet's bill these three would be a twentieth.
        "LoggingConfig": {"LogGroup": {"Ref": each.log_group}, "LogFormat": "JSON", "SystemLogLevel": "WARN"},
    }
    if each.reaches_nodes:
        network = {parameter_name(name): {"Ref": parameter_name(name)} for name in NETWORK_VARIABLES}
        properties["VpcConfig"] = _in_network(network)
    match each.source:
        case QueueSource():
            properties["Events"] = {f"{each.resource}SqsEventSource": _queue_event(each.source, role)}
        case StreamSource():
            properties["Events"] = _stream_events(each, each.source, tables)
        case _:
            return properties
    return properties


def _queue_event(source: QueueSource, role: Role) -> Json:
    return {
        "Type": "SQS",
        "Properties": {
            "Queue": source_queue(source.queue, role),
            "BatchSize": source.batch_size,
            "MaximumBatchingWindowInSeconds": 0,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": source.concurrency},
        },
    }


def _stream_events(each: Function, source: StreamSource, tables: Sequence[Table]) -> Json:
    """A mapping per stream. The first replaces the one that Chalice made for its placeholder."""
    events: Json = {}
    for table in (table for table in tables if table.stream):
        name = f"{each.resource}{stream_parameter(table)}" if events else f"{each.resource}DynamodbEventSource"
        events[name] = {
            "Type": "DynamoDB",
            "Properties": {
                "Stream": {"Ref": stream_parameter(table)},
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": source.batch_size,
                "MaximumBatchingWindowInSeconds": 0,
                "ParallelizationFactor": 1,
                "MaximumRetryAttempts": -1,
                "MaximumRecordAgeInSeconds": -1,
                "BisectBatchOnFunctionError": STREAM_BISECT,
                **_filter(table),
            },
        }
    return events


def _filter(table: Table) -> Json:
    """Lambda reads the other records, starts nothing for them and charges nothing (AWS Lambda developer guide, "Using
    event filtering with a DynamoDB event source")."""
    if not table.relayed:
        return {}
    operation = {"changed_by": {"M": {"operation": {"S": sorted(table.relayed)}}}}
    pattern = json.dumps({"dynamodb": {"NewImage": operation}}, separators=(",", ":"))
    return {"FilterCriteria": {"Filters": [{"Pattern": pattern}]}}


def _log_group(each: Function, role: Role) -> Json:
    stack = "${Stage}" if role is Role.CORE else "${Stage}/admin-${Name}"
    properties = {
        "LogGroupName": {"Fn::Sub": f"/{APP_NAME}/{stack}/{each.name}"},
        "RetentionInDays": LOG_RETENTION_DAYS,
    }
    return {"Type": "AWS::Logs::LogGroup", "Properties": properties}


def _api_properties() -> Json:
    settings = [
        {
            "HttpMethod": method,
            "ResourcePath": "/" + path.replace("/", "~1"),
            "ThrottlingRateLimit": PUBLIC_RATE_PER_SECOND,
            "ThrottlingBurstLimit": PUBLIC_BURST,
        }
        for method, path in PUBLIC_ROUTES
    ]
    responses = {kind: gateway_response(status, code, text) for kind, status, code, text in GATEWAY_RESPONSES}
    return {
        "MethodSettings": settings,
        "DefinitionBody": {"x-amazon-apigateway-gateway-responses": responses},
    }


def gateway_response(status: int, code: str, message: str) -> Json:
    """API Gateway's refusal in the API's envelope; ``$context`` is filled in by API Gateway."""
    body = {"error": {"code": code, "message": message}, "meta": {"request_id": "$context.requestId"}}
    response: Json = {"responseTemplates": {_ENVELOPE_CONTENT: json.dumps(body)}}
    return {"statusCode": str(status), **response} if status else response

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
from infra.functions import (
    API_STAGE,
    APP_NAME,
    FUNCTIONS,
    Function,
    QueueSource,
    StreamSource,
)
from infra.grants import GRANTS, policies
from infra.parameters import documented_settings, parameter_name
from infra.stateful import queue_parameter, stream_parameter

Json = dict[str, Any]

LOG_RETENTION_DAYS = 30

ITERATOR_AGE_LIMIT_MS = 60_000
"""A relay that is a minute behind is not merely busy."""

STREAM_BISECT = False
"""A batch is retried whole: the relay itself passes over what it cannot understand."""

PUBLIC_ROUTES = (
    ("POST", "/api/v1/agents/enrollment_keys/verify"),
    ("POST", "/api/v1/agents/nodes"),
)
"""Routes that need no key: the only ones that a stranger can make work."""

PUBLIC_RATE_PER_SECOND = 50
PUBLIC_BURST = 100

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
"""What API Gateway answers by itself: its response type, the status (0 keeps its own), our code and message."""


def fragment(tables: Sequence[Table]) -> Json:
    """The template to merge."""
    resources: Json = {}
    for each in FUNCTIONS:
        resources[each.resource] = {"Properties": _function_properties(each, tables)}
        resources[each.role] = {"Properties": {"Policies": policies(each, GRANTS[each.name], _by_name(tables))}}
        resources[each.log_group] = _log_group(each)
    resources["RestAPI"] = {"Properties": _api_properties()}
    resources["RelayIteratorAgeAlarm"] = _iterator_age_alarm()
    return {
        "Description": "Edge Admin: functions and APIs",
        "Parameters": _parameters(tables),
        "Globals": {"Function": {"Environment": {"Variables": _environment()}}},
        "Resources": resources,
        "Outputs": {"WebsocketURL": {"Value": _websocket_url("wss")}},
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
    optional = {parameter_name(name): {"Type": "String", "Default": ""} for name in documented_settings()}
    return given | optional


def _websocket_url(scheme: str) -> Json:
    host = "${WebsocketAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    return {"Fn::Sub": f"{scheme}://{host}/{API_STAGE}"}


def _environment() -> Json:
    variables: Json = {
        "TABLE_PREFIX": {"Ref": "TablePrefix"},
        "QUEUE_URLS": {"Ref": "QueueUrls"},
        "EVENT_BUS_NAME": {"Ref": "EventBusName"},
        "KEYS_SECRET_ARN": {"Ref": "SecretArn"},
        "KMS_KEY_ID": {"Ref": "KeyArn"},
        "WEBSOCKET_URL": _websocket_url("wss"),
        "WEBSOCKET_MANAGEMENT_URL": _websocket_url("https"),
    }
    return variables | {name: {"Ref": parameter_name(name)} for name in documented_settings()}


def _function_properties(each: Function, tables: Sequence[Table]) -> Json:
    properties: Json = {
        "Timeout": each.timeout_seconds,
        "MemorySize": each.memory_mb,
        "LoggingConfig": {"LogGroup": {"Ref": each.log_group}},
    }
    match each.source:
        case QueueSource():
            properties["Events"] = {f"{each.resource}SqsEventSource": _queue_event(each.source)}
        case StreamSource():
            properties["Events"] = _stream_events(each, each.source, tables)
        case _:
            return properties
    return properties


def _queue_event(source: QueueSource) -> Json:
    return {
        "Type": "SQS",
        "Properties": {
            "Queue": {"Ref": queue_parameter(source.queue)},
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
            },
        }
    return events


def _log_group(each: Function) -> Json:
    properties = {
        "LogGroupName": {"Fn::Sub": f"/{APP_NAME}/${{Stage}}/{each.name}"},
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


def _iterator_age_alarm() -> Json:
    relay = next(each for each in FUNCTIONS if isinstance(each.source, StreamSource))
    properties = {
        "AlarmDescription": "The relay falls behind: events and work wait, and are lost after 24 hours",
        "Namespace": "AWS/Lambda",
        "MetricName": "IteratorAge",
        "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": relay.resource}}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": ITERATOR_AGE_LIMIT_MS,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "AlarmTopicArn"}],
        "OKActions": [{"Ref": "AlarmTopicArn"}],
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}

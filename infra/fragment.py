"""The fragment that `chalice package --merge-template` merges into Chalice's own template.

Chalice generates routes and handlers; this adds the rest: parameters, environment, sizes, event sources with partial
batch responses and bounded concurrency, a role per function, log retention, throttling and gateway responses in the
API's envelope. Merging replaces lists and never fails on a wrong name: `check_types` finds those.
"""

import json
from collections.abc import Iterable
from typing import Any

from chalicelib.kit.tables.schema import Table
from chalicelib.platform.context import HttpSource, QueueSource, ScheduleSource, StreamSource
from infra import apis
from infra.alarms import application_alarms
from infra.deployables import Deployable, StackKind
from infra.domains import domain_conditions, domain_outputs, domains, generated_socket_url, rest_url, socket_url
from infra.firewall import CONDITIONS as FIREWALL_CONDITIONS
from infra.firewall import firewall
from infra.functions import APP_NAME, FUNCTIONS, LambdaFunction
from infra.further import NAME_PATTERN, OWN_QUEUE, WEBSOCKET_API, own_queue, source_queue
from infra.import_roles import import_role_parameter
from infra.libraries import PYTHON
from infra.listeners import CONDITIONS as LISTENER_CONDITIONS
from infra.listeners import listeners
from infra.parameters import NETWORK_VARIABLES, documented_settings, is_given, options_of, parameter_name
from infra.policies import managed_policies, policies
from infra.queue_alarms import queue_alarms
from infra.queues import queue_parameter
from infra.stateful import bucket_name, bucket_parameter, stream_parameter

Json = dict[str, Any]

LOG_RETENTION_DAYS = 30

STREAM_BISECT = False
"""A batch is retried as a whole: the relay itself skips records that it cannot read."""

SHORT_WAIT_SECONDS = 60
LONG_WAIT_SECONDS = 3600
"""How long an invocation by a schedule may wait for Lambda. A function that runs each minute is invoked again anyway;
for a rare one it is worth waiting."""

_IN_NETWORK = "InNetwork"
_RESERVES = "ReservesConcurrency"
_NETWORK_POLICY: Json = {
    "Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}
"""The managed policy that Lambda needs to run a function in a network; AWS keeps it up to date."""

_NO_VALUE: Json = {"Ref": "AWS::NoValue"}


def fragment(deployable: Deployable) -> Json:
    """The template to merge, for that stack."""
    resources: Json = {}
    for each in deployable.functions:
        resources[each.resource] = {"Properties": _function_properties(each, deployable)}
        managed = managed_policies(each, deployable.grants(each), deployable)
        resources[each.role] = {"Properties": _role_properties(each, managed, deployable)}
        resources |= managed
        resources[each.log_group] = _log_group(each.name, deployable)
    resources[apis.REST_API] = apis.rest_api(deployable)
    written = apis.written_by_the_account() if deployable.is_core else {}
    resources[apis.REST_LOGS] = _log_group("rest_access", deployable, **written)
    resources |= application_alarms(deployable) | queue_alarms(deployable) | domains(deployable) | firewall(deployable)
    if deployable.is_core:
        resources[apis.SOCKET_API] = apis.socket_api()
        resources[apis.SOCKET_STAGE] = apis.socket_stage()
        resources[apis.SOCKET_LOGS] = _log_group("socket_access", deployable, **written)
        resources |= apis.logs_account() | listeners()
    if deployable.kind is StackKind.FURTHER:
        resources |= own_queue()
    sockets = {"WebsocketURL": {"Value": socket_url(deployable)}} if deployable.is_core else {}
    return {
        "Description": _DESCRIPTIONS[deployable.kind].format(deployable.family.name),
        "Parameters": _parameters(deployable),
        "Conditions": _conditions(deployable),
        "Globals": {"Function": {"Environment": {"Variables": _environment(deployable)}}},
        "Resources": resources,
        "Outputs": sockets | domain_outputs(deployable),
    }


_DESCRIPTIONS = {
    StackKind.CORE: "Edge Admin: functions and APIs",
    StackKind.FURTHER: "Edge Admin: a further stack's functions and API",
    StackKind.FAMILY: "Edge Admin: functions and API of {}",
}


def finished(template: Json, deployable: Deployable) -> Json:
    """The merged template without unwanted resources of Chalice: merging can add and replace, but not remove. Chalice
    packages every function of the project, and the WebSocket API, which is the core's.

    Raises ValueError when a resource has no Type: the fragment named one that Chalice did not make."""
    check_types(template)
    kept = {name for each in deployable.functions for name in (each.resource, each.role)}
    dropped = {name for each in FUNCTIONS for name in (each.resource, each.role)} - kept
    resources = {name: each for name, each in template["Resources"].items() if name not in dropped}
    outputs = dict(template["Outputs"])
    if deployable.is_core:
        resources = _without_deployment(resources)
    else:
        resources, outputs = (
            {name: each for name, each in part.items() if not name.startswith("Websocket")}
            for part in (resources, outputs)
        )
    for each in deployable.functions:
        if isinstance(each.source, StreamSource):
            relay = resources[each.resource]
            events = dict(relay["Properties"]["Events"])
            del events[f"{each.resource}DynamodbEventSource"]
            resources[each.resource] = {**relay, "Properties": {**relay["Properties"], "Events": events}}
    return {**template, "Resources": resources, "Outputs": outputs | {"EndpointURL": {"Value": rest_url()}}}


def _without_deployment(resources: Json) -> Json:
    """The WebSocket stage deploys itself (`apis.socket_stage`)."""
    stage = resources[apis.SOCKET_STAGE]
    kept = {name: each for name, each in stage["Properties"].items() if name != "DeploymentId"}
    others = {name: each for name, each in resources.items() if name != "WebsocketAPIDeployment"}
    return others | {apis.SOCKET_STAGE: {**stage, "Properties": kept}}


def check_types(template: Json) -> None:
    """Raises ValueError when a resource has no Type: the fragment named one that Chalice did not make."""
    untyped = [name for name, resource in template["Resources"].items() if "Type" not in resource]
    if untyped:
        raise ValueError(f"resources without a Type: {', '.join(untyped)}")


def _role_properties(each: LambdaFunction, managed: Iterable[str], deployable: Deployable) -> Json:
    """The role names its managed policies, and not they the role: so they are there before the function starts."""
    attached: list[Json] = [{"Ref": name} for name in managed]
    if each.reaches_nodes:
        attached.append(_in_network(_NETWORK_POLICY))
    arns = {"ManagedPolicyArns": attached} if attached else {}
    return {"Policies": policies(each, deployable.grants(each), deployable), **arns}


def _parameters(deployable: Deployable) -> Json:
    required = [
        "Stage",
        "TablePrefix",
        "QueueUrlPrefix",
        "EventBusName",
        "EventBusArn",
        "KeyArn",
        "SigningKeyArn",
        "SecretArn",
        "AlarmTopicArn",
        "ArtifactBucket",
    ]
    required += [queue_parameter(queue) for queue in deployable.queues]
    required += [bucket_parameter(bucket) for bucket in deployable.buckets if not bucket.is_imported]
    required += [import_role_parameter(bucket) for bucket in deployable.buckets if bucket.is_imported]
    required += [stream_parameter(table) for table in deployable.streams]
    given: Json = {name: {"Type": "String"} for name in required}
    settings: Json = {parameter_name(name): {"Type": "String", "Default": ""} for name in documented_settings()}
    options = {parameter_name(name): each.parameter() for name, each in options_of(deployable.kind).items()}
    others: Json = {} if deployable.is_core else {WEBSOCKET_API: {"Type": "String"}}
    if deployable.kind is StackKind.FURTHER:
        others["Name"] = {"Type": "String", "AllowedPattern": NAME_PATTERN}
    return given | settings | options | others


def _conditions(deployable: Deployable) -> Json:
    subnets = {"Fn::Join": ["", {"Ref": parameter_name("SUBNET_IDS")}]}
    conditions: Json = {_RESERVES: is_given("API_RESERVED_CONCURRENCY")}
    if any(each.reaches_nodes for each in deployable.functions):
        conditions[_IN_NETWORK] = {"Fn::Not": [{"Fn::Equals": [subnets, ""]}]}
    conditions |= apis.CONDITIONS | FIREWALL_CONDITIONS | domain_conditions(deployable)
    return conditions | (apis.CORE_CONDITIONS | LISTENER_CONDITIONS if deployable.is_core else {})


def _in_network(value: Json) -> Json:
    """The value if the deployer has named a network; otherwise AWS::NoValue."""
    return {"Fn::If": [_IN_NETWORK, value, _NO_VALUE]}


def _environment(deployable: Deployable) -> Json:
    settings: Json = {name: {"Ref": parameter_name(name)} for name in documented_settings()}
    variables: Json = {
        "TABLE_PREFIX": {"Ref": "TablePrefix"},
        "QUEUE_URL_PREFIX": {"Ref": "QueueUrlPrefix"},
        "EVENT_BUS_NAME": {"Ref": "EventBusName"},
        "KEYS_SECRET_ARN": {"Ref": "SecretArn"},
        "KMS_KEY_ID": {"Ref": "KeyArn"},
        "WEBSOCKET_URL": socket_url(deployable),
        "WEBSOCKET_MANAGEMENT_URL": generated_socket_url("https"),
        "PYDANTIC_DISABLE_PLUGINS": "true",  # it searches the metadata of every package for plugins at each start
    }
    own: Json = {"DELIVERY_QUEUE_URL": {"Ref": OWN_QUEUE}} if deployable.kind is StackKind.FURTHER else {}
    return settings | variables | own | deployable.environment


def _function_properties(each: LambdaFunction, deployable: Deployable) -> Json:
    properties: Json = {
        "Runtime": f"python{PYTHON}",  # regardless of the Python that packages them
        "Timeout": each.timeout_seconds,
        "MemorySize": each.memory_mb,
        "Environment": {"Variables": _own_environment(each, deployable)},
        # The JSON format allows START, END and REPORT to be left out: our own line for each invocation says as much,
        # and these three would be a twentieth of an idle fleet's bill. SYSTEM_LOG_LEVEL brings them back.
        "LoggingConfig": {
            "LogGroup": {"Ref": each.log_group},
            "LogFormat": "JSON",
            "SystemLogLevel": {"Ref": parameter_name("SYSTEM_LOG_LEVEL")},
        },
    }
    if deployable.is_in_a_loop(each):
        properties["RecursiveLoop"] = "Allow"
    if each.reaches_nodes:
        network = {parameter_name(name): {"Ref": parameter_name(name)} for name in NETWORK_VARIABLES}
        properties["VpcConfig"] = _in_network(network)
    match each.source:
        case QueueSource():
            properties["Events"] = {f"{each.resource}SqsEventSource": _queue_event(each.source, deployable)}
        case StreamSource():
            properties["Events"] = _stream_events(each, each.source, deployable)
        case ScheduleSource(is_rare=is_rare):
            once = {
                "MaximumRetryAttempts": 0,
                "MaximumEventAgeInSeconds": LONG_WAIT_SECONDS if is_rare else SHORT_WAIT_SECONDS,
            }
            properties["EventInvokeConfig"] = once  # of Lambda, which has taken the call
            properties["Events"] = {f"{each.resource}Event": {"Properties": {"RetryPolicy": once}}}  # of EventBridge
        case HttpSource():
            reserved = {"Ref": parameter_name("API_RESERVED_CONCURRENCY")}
            properties["ReservedConcurrentExecutions"] = {"Fn::If": [_RESERVES, reserved, _NO_VALUE]}
    return properties


def _own_environment(each: LambdaFunction, deployable: Deployable) -> Json:
    grants = deployable.grants(each)
    bucket = {"AGENT_BUCKET": {"Ref": "ArtifactBucket"}} if grants.hands_out_agent else {}
    signing = {"SIGNING_KEY_ID": {"Ref": "SigningKeyArn"}} if grants.signs or grants.reads_public_keys else {}
    own = {f"{one.name.upper()}_BUCKET": bucket_name(one) for one in (*grants.buckets, *grants.empties)}
    imported = [one for one in grants.buckets if one.is_imported and one in deployable.buckets]
    roles = {f"{one.name.upper()}_IMPORT_ROLE": {"Ref": import_role_parameter(one)} for one in imported}
    return {"FUNCTION_NAME": each.name} | bucket | signing | own | roles


def _queue_event(source: QueueSource, deployable: Deployable) -> Json:
    return {
        "Type": "SQS",
        "Properties": {
            "Queue": source_queue(source.queue, deployable),
            "BatchSize": source.batch_size,
            "MaximumBatchingWindowInSeconds": 0,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": source.concurrency},
        },
    }


def _stream_events(each: LambdaFunction, source: StreamSource, deployable: Deployable) -> Json:
    """An event source mapping per stream, named by its table, so that the order of tables does not matter. (Chalice's
    own mapping, for its placeholder, is removed from the merged template.)"""
    events: Json = {}
    for table in deployable.streams:
        events[f"{each.resource}{stream_parameter(table)}"] = {
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
    """A filter for the operations that the relay needs. Lambda skips other records without an invocation and without
    charge (AWS Lambda developer guide, "Using event filtering with a DynamoDB event source")."""
    if not table.relayed:
        return {}
    operation = {"changed_by": {"M": {"operation": {"S": sorted(table.relayed)}}}}
    pattern = json.dumps({"dynamodb": {"NewImage": operation}}, separators=(",", ":"))
    return {"FilterCriteria": {"Filters": [{"Pattern": pattern}]}}


def _log_group(name: str, deployable: Deployable, **properties: Any) -> Json:
    own = {
        "LogGroupName": {"Fn::Sub": f"/{APP_NAME}/${{Stage}}{deployable.log_folder}/{name}"},
        "RetentionInDays": LOG_RETENTION_DAYS,
    }
    return {"Type": "AWS::Logs::LogGroup", "Properties": own | properties}

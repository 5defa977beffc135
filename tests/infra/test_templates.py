"""The templates as they are generated: what must hold on AWS, and what only AWS would refuse."""

import json
import re

import pytest

from chalicelib.fleet.api.protocol import EDGE_ADMIN
from chalicelib.fleet.schedules.store import SCHEDULES
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.context import QueueSource, ScheduleSource, StreamSource
from chalicelib.platform.identity.session_store import SESSIONS
from chalicelib.platform.identity.verification_store import VERIFICATIONS
from chalicelib.platform.webhooks.store import DELIVERIES
from infra.apis import GATEWAY_RESPONSES, gateway_response
from infra.artifacts import INLINE_TEMPLATE_BYTES, creation_steps
from infra.deployables import CORE
from infra.fragment import check_types, fragment
from infra.functions import QUEUES, consumer_of, logical_id
from infra.local.transform import local_state
from infra.package import ROOT
from infra.parameters import SECRET_KEYS, documented_settings, parameter_name
from infra.stateful import stateful_template, stream_parameter, table_resource, to_compact_json

STREAMED = [table for table in CORE.tables if table.stream]


@pytest.fixture(scope="module")
def stateful():
    return stateful_template(CORE, retain=True)


@pytest.fixture(scope="module")
def application():
    return fragment(CORE)


def of_type(template, kind):
    return {name: resource for name, resource in template["Resources"].items() if resource.get("Type") == kind}


@pytest.mark.parametrize("table", CORE.tables, ids=lambda table: table.name)
def test_table_is_protected_and_billed_by_request(stateful, table):
    resource = stateful["Resources"][table_resource(table)]
    properties = resource["Properties"]

    assert resource["DeletionPolicy"] == "Retain"
    assert resource["UpdateReplacePolicy"] == "Retain"
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] is True
    assert "SSESpecification" not in properties  # naming the key that AWS manages would have KMS charge for each use


@pytest.mark.parametrize("table", CORE.tables, ids=lambda table: table.name)
def test_table_declares_exactly_the_attributes_of_its_keys(stateful, table):
    properties = stateful["Resources"][table_resource(table)]["Properties"]
    schemas = [properties["KeySchema"], *(index["KeySchema"] for index in properties.get("GlobalSecondaryIndexes", []))]
    used = {key["AttributeName"] for schema in schemas for key in schema}
    declared = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}

    assert set(declared) == used
    assert {name for name, kind in declared.items() if kind == "N"} == table.numbers & used


@pytest.mark.parametrize("table", CORE.tables, ids=lambda table: table.name)
def test_table_has_its_declared_stream_and_expiry(stateful, table):
    properties = stateful["Resources"][table_resource(table)]["Properties"]

    assert properties.get("StreamSpecification") == ({"StreamViewType": "NEW_AND_OLD_IMAGES"} if table.stream else None)
    expiry = properties.get("TimeToLiveSpecification")
    assert expiry == ({"AttributeName": table.expires_at, "Enabled": True} if table.expires_at else None)


def test_template_without_retention_deletes_all_resources_with_the_stack():
    template = stateful_template(CORE, retain=False)

    policies = {each["DeletionPolicy"] for each in template["Resources"].values() if "DeletionPolicy" in each}
    assert policies == {"Delete"}
    tables = of_type(template, "AWS::DynamoDB::Table").values()
    assert {table["Properties"]["DeletionProtectionEnabled"] for table in tables} == {False}


@pytest.mark.parametrize("queue", [queue for queue in CORE.queues if consumer_of(queue)])
def test_queue_hides_messages_beyond_its_consumer_timeout_and_has_dead_letters(stateful, queue):
    resources = stateful["Resources"]
    properties = resources[f"{logical_id(queue)}Queue"]["Properties"]
    dead = f"{logical_id(queue)}DeadQueue"

    assert properties["SqsManagedSseEnabled"] is True
    assert properties["VisibilityTimeout"] == 6 * consumer_of(queue).timeout_seconds
    assert properties["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [dead, "Arn"]}
    assert resources[dead]["Properties"]["QueueName"] == {"Fn::Sub": f"edge-admin-${{Stage}}-{queue}-dead"}


def test_dead_letter_and_failure_queues_raise_an_alarm(stateful, application):
    watched = {
        alarm["Properties"]["Dimensions"][0]["Value"]["Fn::Sub"]
        for alarm in of_type(application, "AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
    }
    unattended = {
        each["Properties"]["QueueName"]["Fn::Sub"]
        for name, each in of_type(stateful, "AWS::SQS::Queue").items()
        if name.endswith("DeadQueue") or name == "RelayFailuresQueue"
    }

    assert watched == unattended


@pytest.mark.parametrize("queue", [queue for queue in CORE.queues if consumer_of(queue)])
def test_old_message_in_a_queue_raises_an_alarm(stateful, application, queue):
    """Before a third attempt takes the message out of the metric, and after a first one may have been repeated."""
    alarm = application["Resources"][f"{logical_id(queue)}QueueAgeAlarm"]["Properties"]
    properties = stateful["Resources"][f"{logical_id(queue)}Queue"]["Properties"]
    visibility = properties["VisibilityTimeout"]

    assert alarm["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": properties["QueueName"]}]
    second_attempt_ends = visibility + consumer_of(queue).timeout_seconds
    assert second_attempt_ends < alarm["Threshold"] - (900 if queue.is_delayed else 0) < 2 * visibility


def test_queues_with_delayed_messages_are_declared_as_delayed():
    found = set()
    for path in (ROOT / "chalicelib").rglob("*.py"):
        sends = re.findall(r"send\(\s*([A-Z_]+),[^()]*(?:\([^()]*\)[^()]*)*delay_seconds=(\w+)", path.read_text())
        found |= {queue for queue, delay in sends if delay != "A_MOMENT"}

    assert found
    assert {name.lower().replace("_", "-") for name in found} <= {queue for queue in QUEUES if queue.is_delayed}


class TestWhatIsSpokenByTls:
    def test_artifact_bucket_refuses_requests_without_tls(self, stateful):
        policy = stateful["Resources"]["ArtifactsPolicy"]["Properties"]["PolicyDocument"]
        (statement,) = policy["Statement"]

        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert len(statement["Resource"]) == 2

    def test_queue_policy_refuses_requests_without_tls(self, stateful):
        properties = stateful["Resources"]["QueuePolicy"]["Properties"]
        (statement,) = properties["PolicyDocument"]["Statement"]

        assert {each["Ref"] for each in properties["Queues"]} == set(of_type(stateful, "AWS::SQS::Queue"))
        assert (statement["Effect"], statement["Action"]) == ("Deny", "sqs:*")


def test_cloudwatch_alarms_may_use_the_key_of_their_topic(stateful):
    """CloudWatch cannot publish to a topic under the key that AWS manages for SNS."""
    statements = stateful["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"]
    (of_alarms,) = [each for each in statements if each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]

    assert stateful["Resources"]["AlarmTopic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "Key"}
    assert set(of_alarms["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert of_alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_lagging_relay_raises_an_alarm(application):
    alarm = application["Resources"]["RelayIteratorAgeAlarm"]["Properties"]

    assert alarm["MetricName"] == "IteratorAge"
    assert alarm["Threshold"] == 60_000
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "RelayChanges"}}]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]


@pytest.mark.parametrize("function", CORE.functions, ids=lambda each: each.name)
def test_failing_function_raises_an_alarm(application, function):
    """At once where it runs hourly at most; else when its repeats do not mend it."""
    alarm = application["Resources"][f"{function.resource}ErrorsAlarm"]["Properties"]
    is_rare = isinstance(function.source, ScheduleSource) and function.source.is_rare

    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Lambda", "Errors", "Sum")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function.resource}}]
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 900
    assert alarm["Threshold"] == (0 if is_rare else 2)
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopicArn"}]


def test_throttled_functions_raise_an_alarm(application):
    """A metric of the account: whoever uses its concurrency up stops everybody's functions."""
    alarm = application["Resources"]["ThrottlesAlarm"]["Properties"]

    assert (alarm["MetricName"], alarm["Threshold"], alarm["Statistic"]) == ("Throttles", 0, "Sum")
    assert "Dimensions" not in alarm


def test_missing_data_raises_only_the_silent_heartbeat_alarm(application):
    alarms = [*of_type(application, "AWS::CloudWatch::Alarm").values()]

    assert len(alarms) > len(CORE.functions)
    silent = application["Resources"]["HeartbeatSilenceAlarm"]
    missing = {alarm["Properties"]["TreatMissingData"] for alarm in alarms if alarm is not silent}
    assert missing == {"notBreaching"}


def test_missing_heartbeats_raise_an_alarm(application):
    """There is no data then."""
    alarm = application["Resources"]["HeartbeatSilenceAlarm"]["Properties"]

    assert (alarm["MetricName"], alarm["ComparisonOperator"]) == ("Invocations", "LessThanThreshold")
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1, "breaching")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 600


@pytest.mark.parametrize(
    "function", [each for each in CORE.functions if isinstance(each.source, QueueSource)], ids=lambda each: each.name
)
def test_queue_mapping_reports_item_failures_and_bounds_concurrency(application, function):
    (event,) = application["Resources"][function.resource]["Properties"]["Events"].values()

    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["Properties"]["MaximumBatchingWindowInSeconds"] == 0
    assert 2 <= event["Properties"]["ScalingConfig"]["MaximumConcurrency"] <= 1000
    assert event["Properties"]["Queue"] == {"Ref": f"{logical_id(function.source.queue)}QueueArn"}


def test_relay_reads_every_stream_from_its_start_and_retries_without_limit(application):
    (relay,) = [each for each in CORE.functions if isinstance(each.source, StreamSource)]
    events = [
        event["Properties"] for event in application["Resources"][relay.resource]["Properties"]["Events"].values()
    ]

    assert sorted(event["Stream"]["Ref"] for event in events) == sorted(map(stream_parameter, STREAMED))
    for event in events:
        assert event["StartingPosition"] == "TRIM_HORIZON"
        assert event["ParallelizationFactor"] == 1
        assert event["MaximumRetryAttempts"] == event["MaximumRecordAgeInSeconds"] == -1
        assert "FunctionResponseTypes" not in event


def test_relay_filter_lets_only_requests_of_operators_pass(application):
    """Attempts at deliveries and uses of keys ask for nothing: without the filter each would start the relay."""
    events = application["Resources"]["RelayChanges"]["Properties"]["Events"].values()
    filtered = {
        event["Properties"]["Stream"]["Ref"]: event["Properties"]["FilterCriteria"]["Filters"]
        for event in events
        if "FilterCriteria" in event["Properties"]
    }
    operations = {
        stream: json.loads(only["Pattern"])["dynamodb"]["NewImage"]["changed_by"]["M"]["operation"]["S"]
        for stream, [only] in filtered.items()
    }
    assert operations == {
        stream_parameter(DELIVERIES): ["webhook_delivery.redelivered", "webhook_delivery.tested"],
        stream_parameter(API_KEYS): ["api_key.created", "api_key.revoked", "api_key.rotated", "api_key.updated"],
        stream_parameter(SCHEDULES): ["schedule.created", "schedule.paused", "schedule.resumed", "schedule.updated"],
        stream_parameter(SESSIONS): ["session.revoked"],
        stream_parameter(VERIFICATIONS): [
            *("api_key.created", "session.started", "tenant.invited", "token.asked", "user.registered")
        ],
    }


def test_function_log_group_has_a_retention_period(application):
    for function in CORE.functions:
        properties = application["Resources"][function.resource]["Properties"]
        group = application["Resources"][function.log_group]

        assert properties["LoggingConfig"]["LogGroup"] == {"Ref": function.log_group}
        assert group["Properties"]["RetentionInDays"] > 0


def test_application_parameters_are_outputs_of_the_stateful_stack(stateful, application):
    required = {name for name, each in application["Parameters"].items() if "Default" not in each}

    assert required - {"Stage"} <= set(stateful["Outputs"])


def test_documented_settings_are_function_variables(application):
    variables = application["Globals"]["Function"]["Environment"]["Variables"]

    for name in documented_settings():
        assert parameter_name(name) in json.dumps(variables[name])
        assert application["Parameters"][parameter_name(name)]["Default"] == ""


def test_templates_contain_no_key(stateful, application):
    variables = application["Globals"]["Function"]["Environment"]["Variables"]
    generated = stateful["Resources"]["Secret"]["Properties"]["GenerateSecretString"]

    assert not set(SECRET_KEYS) & set(variables)
    assert generated["GenerateStringKey"] == "MASTER_KEY"
    assert generated["SecretStringTemplate"] == "{}"


def test_large_template_is_created_after_the_bucket_it_is_read_from(stateful):
    large = {**stateful, "Description": "x" * INLINE_TEMPLATE_BYTES}
    bucket, whole = creation_steps(large)

    assert whole == large
    assert set(bucket["Resources"]) == {"Artifacts", "ArtifactsPolicy"}
    assert bucket["Resources"].items() <= stateful["Resources"].items()
    assert bucket["Outputs"] == {"ArtifactBucket": {"Value": {"Ref": "Artifacts"}}}
    assert len(to_compact_json({**bucket, "Description": ""})) < INLINE_TEMPLATE_BYTES / 10


def test_large_template_without_policies_is_created_after_its_bucket(stateful):
    bucket, _ = creation_steps(local_state({**stateful, "Description": "x" * INLINE_TEMPLATE_BYTES}))

    assert set(bucket["Resources"]) == {"Artifacts"}


def test_small_template_is_created_in_one_step(stateful):
    small = {**stateful, "Resources": {"EventBus": stateful["Resources"]["EventBus"]}}

    assert creation_steps(small) == [small]


def test_resource_without_a_type_is_refused_by_name():
    with pytest.raises(ValueError, match="Missing"):
        check_types({"Resources": {"Known": {"Type": "AWS::SQS::Queue"}, "Missing": {"Properties": {}}}})


@pytest.mark.parametrize(("kind", "status", "code", "message"), GATEWAY_RESPONSES, ids=str)
def test_gateway_response_has_the_error_envelope(kind, status, code, message):
    response = gateway_response(EDGE_ADMIN, status, code, message)
    body = json.loads(response["responseTemplates"]["application/json"])

    assert body["error"] == {"code": code, "message": message}
    assert body["meta"]["request_id"] == "$context.requestId"
    assert response.get("statusCode") == (str(status) if status else None)

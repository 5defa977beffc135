"""The CloudWatch alarms. Each watches one metric, and notifies the topic when it starts and when it ends. An alarm
costs about $0.10 a month per metric (CloudWatch pricing), so there is one for each state in which a person must act,
and none for failures that a retry repairs.
"""

from typing import Any

from chalicelib.kit.queues import LONGEST_DELAY_SECONDS
from chalicelib.platform.context import HttpSource, QueueSource, ScheduleSource, StreamSource
from infra import apis
from infra.deployables import Deployable
from infra.functions import VISIBILITY_TIMEOUTS, LambdaFunction

Json = dict[str, Any]

ITERATOR_AGE_LIMIT_MS = 60_000
"""A relay that lags by a minute is more than busy."""

ERROR_PERIOD_SECONDS = 900

ERRORS_BORNE = 2
"""Failures in `ERROR_PERIOD_SECONDS` that raise no alarm: a sweep runs again after a minute and a message is
redelivered, so a single failure is repaired before anyone could look."""

STRANGERS_PERIOD_SECONDS = 3600
"""The pause between two reports."""

API_PERIOD_SECONDS = 300

FAILURES_BORNE = 9
"""Answers of 5xx, or sockets that were not served, in `API_PERIOD_SECONDS` that raise no alarm: agents retry."""

REFUSALS_BORNE = 100
"""Answers of 429 in `API_PERIOD_SECONDS` that raise no alarm: a single script may exceed its rate for a moment."""

AGE_PERIOD_SECONDS = 300

VISIBILITY_TIMEOUTS_BORNE = 1.5
"""How old a message may be. A first attempt that failed is repeated after one visibility timeout, which raises no
alarm. After two, the message is received the third time, and SQS leaves it out of the metric (SQS developer guide,
"Available CloudWatch metrics")."""

WATCHED_SCHEDULE = "heartbeat"
"""The schedule whose silence is an alarm."""

STRANGERS_SCHEDULE = "report_strangers"
"""The schedule whose log lines `stranger` are an alarm."""

APPLICATION_TOPIC: Json = {"Ref": "AlarmTopicArn"}
"""The topic of the stateful stack, which is a parameter of the others."""


def alarm(description: str, topic: Json, metric: Json, *, above: int, period_seconds: int = 60) -> Json:
    """Alarms if the metric exceeds a number in one period. Missing data counts as good."""
    properties = {
        "AlarmDescription": description,
        **metric,
        "Period": period_seconds,
        "EvaluationPeriods": 1,
        "Threshold": above,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [topic],
        "OKActions": [topic],
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def waiting_alarm(what: str, queue_name: Json, topic: Json) -> Json:
    """Alarms if there is a message in a queue that no function consumes."""
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": queue_name}],
        "Statistic": "Maximum",
    }
    return alarm(f"{what} waits for a person", topic, metric, above=0)


def age_alarm(consumer: LambdaFunction, queue_name: Json, topic: Json) -> Json:
    """Alarms when messages stay in a queue too long: when the second attempt failed too, long before they become dead
    letters, and also when the function cannot keep up with the work. It leaves time for messages that were sent with a
    delay, and so rings for a backlog alone in their queues: what was sent there without one and fails leaves the metric
    before it is that old."""
    above = int(VISIBILITY_TIMEOUTS_BORNE * VISIBILITY_TIMEOUTS * consumer.timeout_seconds)
    if isinstance(consumer.source, QueueSource) and consumer.source.queue.is_delayed:
        above += LONGEST_DELAY_SECONDS
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": queue_name}],
        "Statistic": "Maximum",
    }
    what = f"Work of {consumer.name} has waited for {above} s"
    return alarm(what, topic, metric, above=above, period_seconds=AGE_PERIOD_SECONDS)


def application_alarms(deployable: Deployable) -> Json:
    """The alarms on the functions and APIs of a stack. Alarms on the whole account belong to the core."""
    functions = deployable.functions
    alarms = {f"{each.resource}ErrorsAlarm": _errors_alarm(each) for each in functions}
    for each in functions:
        if isinstance(each.source, StreamSource):
            alarms["RelayIteratorAgeAlarm"] = _iterator_age_alarm(each)
        if isinstance(each.source, QueueSource) and not deployable.is_in_a_loop(each):
            alarms[f"{each.resource}RecursionAlarm"] = _recursion_alarm(each)
        if each.name == WATCHED_SCHEDULE:
            alarms["HeartbeatSilenceAlarm"] = _silence_alarm(each)
        if each.name == STRANGERS_SCHEDULE:
            alarms |= _strangers_alarm(each, apis.api_name(deployable))
    alarms |= _api_alarms(deployable)
    if deployable.is_core:
        alarms |= {"ThrottlesAlarm": _throttles_alarm()} | _socket_alarms()
    return alarms


def _silence_alarm(schedule: LambdaFunction) -> Json:
    """Alarms when the schedule no longer invokes its function; a failed run is an invocation too. All schedules depend
    on EventBridge alike, so only one is watched: without it, a stack counts as dead after three minutes."""
    ringing = alarm(
        f"{schedule.name} is not called: it may be that no schedule runs",
        APPLICATION_TOPIC,
        _of(schedule, "Invocations", "Sum"),
        above=0,
        period_seconds=API_PERIOD_SECONDS,
    )
    ringing["Properties"] |= {
        "ComparisonOperator": "LessThanThreshold",
        "Threshold": 1,
        "EvaluationPeriods": 2,
        "TreatMissingData": "breaching",
    }
    return ringing


def _strangers_alarm(report: LambdaFunction, namespace: Json) -> Json:
    """Alarms while the hourly report finds things that cost money and that no row wants."""
    metric = {"Namespace": namespace, "MetricName": "Strangers", "Statistic": "Sum"}
    counted = {"MetricNamespace": namespace, "MetricName": "Strangers", "MetricValue": "1"}
    return {
        "StrangersFilter": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": {"Ref": report.log_group},
                "FilterPattern": '{ $.event = "stranger" }',
                "MetricTransformations": [counted],
            },
        },
        "StrangersAlarm": alarm(
            "Things at AWS carry our tags, and no row wants them: they cost money",
            APPLICATION_TOPIC,
            metric,
            above=0,
            period_seconds=STRANGERS_PERIOD_SECONDS,
        ),
    }


def _of(function: LambdaFunction, metric: str, statistic: str) -> Json:
    of_function = [{"Name": "FunctionName", "Value": {"Ref": function.resource}}]
    return {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": of_function, "Statistic": statistic}


def _iterator_age_alarm(relay: LambdaFunction) -> Json:
    return alarm(
        "The relay falls behind: events and work wait, and are lost after 24 hours",
        APPLICATION_TOPIC,
        _of(relay, "IteratorAge", "Maximum"),
        above=ITERATOR_AGE_LIMIT_MS,
    )


def _throttles_alarm() -> Json:
    """Alarms on throttled invocations in the account: all functions share its concurrency, so one that uses it up stops
    the others."""
    return alarm(
        "Lambda refuses to start functions: the account's concurrency is used up",
        APPLICATION_TOPIC,
        {"Namespace": "AWS/Lambda", "MetricName": "Throttles", "Statistic": "Sum"},
        above=0,
        period_seconds=ERROR_PERIOD_SECONDS,
    )


def _errors_alarm(function: LambdaFunction) -> Json:
    """Alarms on failed invocations. Messages that a function reports as failed do not count as errors: they end as dead
    letters, which have their own alarm."""
    is_rare = isinstance(function.source, ScheduleSource) and function.source.is_rare
    return alarm(
        f"{function.name} fails or runs out of time: {_meaning(function)}",
        APPLICATION_TOPIC,
        _of(function, "Errors", "Sum"),
        above=0 if is_rare else ERRORS_BORNE,
        period_seconds=ERROR_PERIOD_SECONDS,
    )


def _meaning(function: LambdaFunction) -> str:
    match function.source:
        case ScheduleSource():
            return "what it drives or mends is left undone"
        case QueueSource():
            return "its messages come again, and die after some times"
        case StreamSource():
            return "events and work wait"
        case HttpSource():
            return "requests are answered 502"
        case _:
            return "agents fall back to polling"


def _recursion_alarm(function: LambdaFunction) -> Json:
    return alarm(
        f"Lambda stopped {function.name}: its messages lead back to it, which they are not meant to",
        APPLICATION_TOPIC,
        _of(function, "RecursiveInvocationsDropped", "Sum"),
        above=0,
        period_seconds=ERROR_PERIOD_SECONDS,
    )


def _api_alarms(deployable: Deployable) -> Json:
    """The alarm uses API Gateway's metric, because the API turns every exception into an answer, which Lambda does not
    count as an error, and because requests that API Gateway refuses reach no function."""
    failed = {
        "Namespace": "AWS/ApiGateway",
        "MetricName": "5XXError",
        "Dimensions": apis.rest_dimensions(deployable),
        "Statistic": "Sum",
    }
    namespace = apis.api_name(deployable)
    limited = {"Namespace": namespace, "MetricName": "RateLimited", "Statistic": "Sum"}
    counted = {"MetricNamespace": namespace, "MetricName": "RateLimited", "MetricValue": "1"}
    return {
        "RestFailuresAlarm": alarm(
            "The API answers 5xx",
            APPLICATION_TOPIC,
            failed,
            above=FAILURES_BORNE,
            period_seconds=API_PERIOD_SECONDS,
        ),
        "RateLimitedFilter": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": {"Ref": apis.REST_LOGS},
                "FilterPattern": '{ $.status = "429" }',
                "MetricTransformations": [counted],
            },
        },
        "RateLimitedAlarm": alarm(
            "The API answers 429: more is asked of it than its limits allow",
            APPLICATION_TOPIC,
            limited,
            above=REFUSALS_BORNE,
            period_seconds=API_PERIOD_SECONDS,
        ),
    }


def _socket_alarms() -> Json:
    """``ExecutionError`` counts functions that API Gateway could not call, ``IntegrationError`` those that failed."""
    return {
        f"Socket{metric}Alarm": alarm(
            "Sockets are not served: agents fall back to polling",
            APPLICATION_TOPIC,
            {
                "Namespace": "AWS/ApiGateway",
                "MetricName": metric,
                "Dimensions": apis.socket_dimensions(),
                "Statistic": "Sum",
            },
            above=FAILURES_BORNE,
            period_seconds=API_PERIOD_SECONDS,
        )
        for metric in ("ExecutionError", "IntegrationError")
    }

"""Alarms, in one shape: what a metric of AWS says about us for a while, told to the topic, and told again when it ends.

An alarm costs about $0.10 a month for each metric that it looks at (CloudWatch pricing), so there is one where somebody
has to act, and none where a retry mends it.
"""

from typing import Any

from infra.functions import Function, HttpSource, QueueSource, Role, ScheduleSource, StreamSource, functions_of

Json = dict[str, Any]

ITERATOR_AGE_LIMIT_MS = 60_000
"""A relay that is a minute behind is not merely busy."""

ERROR_PERIOD_SECONDS = 900

ERRORS_BORNE = 2
"""Failures in `ERROR_PERIOD_SECONDS` that are no alarm: a sweep runs again in a minute, and a message comes again, so
one that fails once is mended before anybody could look."""

APPLICATION_TOPIC: Json = {"Ref": "AlarmTopicArn"}
"""The topic of the stateful stack, as a parameter of the others."""


def alarm(description: str, topic: Json, metric: Json, *, above: int, period_seconds: int = 60) -> Json:
    """Rings when the metric was above a number in one period; no data is good news."""
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


def waiting_alarm(what: str, queue_resource: str, topic: Json) -> Json:
    """Rings when a message lies in a queue that no function takes from."""
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue_resource, "QueueName"]}}],
        "Statistic": "Maximum",
    }
    return alarm(f"{what} waits for a person", topic, metric, above=0)


def application_alarms(role: Role) -> Json:
    """The alarms on the functions of a stack, by logical id. What concerns the whole account is the core's."""
    functions = functions_of(role)
    alarms = {f"{each.resource}ErrorsAlarm": _errors_alarm(each) for each in functions}
    for each in functions:
        if isinstance(each.source, StreamSource):
            alarms["RelayIteratorAgeAlarm"] = _iterator_age_alarm(each)
    return alarms | ({"ThrottlesAlarm": _throttles_alarm()} if role is Role.CORE else {})


def _of(function: Function, metric: str, statistic: str) -> Json:
    of_function = [{"Name": "FunctionName", "Value": {"Ref": function.resource}}]
    return {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": of_function, "Statistic": statistic}


def _iterator_age_alarm(relay: Function) -> Json:
    return alarm(
        "The relay falls behind: events and work wait, and are lost after 24 hours",
        APPLICATION_TOPIC,
        _of(relay, "IteratorAge", "Maximum"),
        above=ITERATOR_AGE_LIMIT_MS,
    )


def _throttles_alarm() -> Json:
    """Of the account: functions share its concurrency, so whoever uses it up stops all of them."""
    return alarm(
        "Lambda refuses to start functions: the account's concurrency is used up",
        APPLICATION_TOPIC,
        {"Namespace": "AWS/Lambda", "MetricName": "Throttles", "Statistic": "Sum"},
        above=0,
        period_seconds=ERROR_PERIOD_SECONDS,
    )


def _errors_alarm(function: Function) -> Json:
    """What a function reports as failed messages is no error: those end as dead letters, which have their own alarm."""
    is_rare = isinstance(function.source, ScheduleSource) and function.source.is_rare
    return alarm(
        f"{function.name} fails or runs out of time: {_meaning(function)}",
        APPLICATION_TOPIC,
        _of(function, "Errors", "Sum"),
        above=0 if is_rare else ERRORS_BORNE,
        period_seconds=ERROR_PERIOD_SECONDS,
    )


def _meaning(function: Function) -> str:
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

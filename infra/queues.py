"""The queues of a stateful stack: dead letters, alarms and policies, and the rules that fill queues from the bus."""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.kit.queues import Queue
from chalicelib.platform.bus_rules import ProviderEvents, Subscription
from infra.deployables import Deployable
from infra.functions import APP_NAME, MAX_RECEIVES, VISIBILITY_TIMEOUTS, LambdaFunction, consumer_of, logical_id

Json = dict[str, Any]

RETENTION_SECONDS = 1_209_600
"""Fourteen days, the maximum of SQS, so that dead letters survive a holiday."""


def queue_parameter(queue: Queue) -> str:
    """The name of the output and parameter with a queue's ARN."""
    return f"{queue_resource(queue)}Arn"


def queue_resource(queue: Queue) -> str:
    return f"{logical_id(queue)}Queue"


def dead_resource(queue: Queue) -> str:
    return f"{logical_id(queue)}DeadQueue"


def stage_name(name: str) -> Json:
    """A name that begins with the application and the stage."""
    return {"Fn::Sub": f"{APP_NAME}-${{Stage}}-{name}"}


def queues(deployable: Deployable, bus: Json) -> Json:
    """The queues of that stack, by logical id; their alarms are in the application's template (`infra.queue_alarms`).
    ``bus`` is the name of the bus."""
    resources: Json = {}
    for queue in deployable.queues:
        resources |= _queue(queue, deployable.functions)
    rules = _rules_of(deployable)
    others = {f"{queue_resource(each.queue)}ProviderRule": each for each in deployable.provider_events}
    resources |= _policies(deployable, {**rules, **others})
    for name, each in rules.items():
        pattern: Json = {"source": [INTERNAL_SOURCE], "detail-type": sorted(each.types)}
        if each.where:
            pattern["detail"] = {"data": {field: sorted(texts) for field, texts in each.where.items()}}
        resources[name] = _rule(each.queue, {"EventBusName": bus, "EventPattern": pattern})
    for name, one in others.items():
        resources[name] = _rule(one.queue, {"EventPattern": {"source": [one.source], "detail-type": sorted(one.types)}})
    return resources


def _rules_of(deployable: Deployable) -> Mapping[str, Subscription]:
    """The rules of subscriptions by their logical ids, which have a number from the second of a queue on."""
    of_queues: dict[Queue, list[Subscription]] = {}
    for each in deployable.subscriptions:
        of_queues.setdefault(each.queue, []).append(each)
    return {
        f"{queue_resource(queue)}Rule{number if number > 1 else ''}": each
        for queue, subscriptions in of_queues.items()
        for number, each in enumerate(subscriptions, 1)
    }


def _queue(queue: Queue, functions: Iterable[LambdaFunction]) -> Json:
    """A queue with its dead-letter queue. Raises ValueError for a queue without a consumer that is not manual."""
    name = queue_resource(queue)
    properties: Json = {
        "QueueName": stage_name(queue),
        "SqsManagedSseEnabled": True,
        "MessageRetentionPeriod": RETENTION_SECONDS,
    }
    if queue.dead_letters is None:
        return {name: {"Type": "AWS::SQS::Queue", "Properties": properties}}
    consumer = consumer_of(queue, functions)
    if consumer is None:
        raise ValueError(f"the queue {queue} has no consumer")
    dead = dead_resource(queue)
    redrive: Json = {"deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]}, "maxReceiveCount": MAX_RECEIVES}
    visibility = VISIBILITY_TIMEOUTS * consumer.timeout_seconds
    return {
        name: {
            "Type": "AWS::SQS::Queue",
            "Properties": {**properties, "VisibilityTimeout": visibility, "RedrivePolicy": redrive},
        },
        dead: {"Type": "AWS::SQS::Queue", "Properties": {**properties, "QueueName": stage_name(queue.dead_letters)}},
    }


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


def _policies(deployable: Deployable, rules: Mapping[str, Subscription | ProviderEvents]) -> Json:
    """One policy for all queues, and one for each that rules fill: SQS keeps one policy for a queue. ``rules`` by their
    logical ids."""
    fills: dict[Queue, list[str]] = {}
    for rule, each in rules.items():
        fills.setdefault(each.queue, []).append(rule)
    every = {queue_resource(queue): queue for queue in deployable.queues}
    every |= {dead_resource(queue): queue for queue in deployable.queues if not queue.is_manual}
    closed = [{"Ref": name} for name, queue in every.items() if queue not in fills]
    found = {"QueuePolicy": _policy(closed, only_by_tls("sqs:*", "*"))} if closed else {}
    for name, queue in every.items():
        if queue in fills:
            document = only_by_tls("sqs:*", "*")
            document["Statement"].append(_filled_by(fills[queue], name))
            found[f"{name}Policy"] = _policy([{"Ref": name}], document)
    return found


def _policy(queues: list[Json], document: Json) -> Json:
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": queues, "PolicyDocument": document}}


def _filled_by(rules: list[str], name: str) -> Json:
    arns: list[Json] = [{"Fn::GetAtt": [rule, "Arn"]} for rule in rules]
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [name, "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": arns if len(arns) > 1 else arns[0]}},
    }


def _rule(queue: Queue, of: Json) -> Json:
    """Events that are put into a queue; those that SQS does not accept for a day become dead letters."""
    target = {
        "Id": queue,
        "Arn": {"Fn::GetAtt": [queue_resource(queue), "Arn"]},
        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": [dead_resource(queue), "Arn"]}},
    }
    return {"Type": "AWS::Events::Rule", "Properties": {**of, "Targets": [target]}}


def queue_url_prefix(queue: Queue) -> Json:
    """The URL of every queue of a stage up to its name, cut out of that of one queue. Its name has to have a hyphen,
    which the name of a stage does not have."""
    return {"Fn::Select": ["0", {"Fn::Split": [queue, {"Ref": queue_resource(queue)}]}]}

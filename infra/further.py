"""The template of a further stack: its own resources, and the parts of the application that it leaves out. Its delivery
queue is part of its own template: once the stack is gone, the core's sweep requeues the work that waited there, so
nothing is lost.
"""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.kit.queues import Queue
from infra.alarms import APPLICATION_TOPIC, age_alarm, waiting_alarm
from infra.deployables import Deployable, StackKind
from infra.functions import APP_NAME, MAX_RECEIVES, VISIBILITY_TIMEOUTS, function
from infra.parameters import FOLLOWING_OPTIONS, documented_settings, parameter_name
from infra.queues import only_by_tls, queue_parameter

Json = dict[str, Any]

OWN_QUEUE = "DeliveryQueue"
OWN_DEAD_QUEUE = "DeliveryDeadQueue"

NAME_PATTERN = "[a-z][a-z0-9]{0,15}"
"""The name of a further stack: part of the names of its queues and log groups and, by default, of its admin."""

OWN_QUEUES = f"{APP_NAME}-${{Stage}}-admin-*-{COMMAND_DELIVERY}"
"""The pattern of the delivery queues of all further stacks of a stage. It matches no other queue: a stage's name has no
hyphen, no queue of the core starts like this, and no dead-letter queue ends like this."""

OWN_RETENTION_SECONDS = 86_400
"""A day. By then another stack has delivered the work, or a poll has found it."""

OWN_SETTINGS = frozenset(
    {
        "ADMIN_NAME",
        "ADMIN_MAX_WIREGUARD_PEERS",
        "ADMIN_URLS",
        "METRICS_BASE_URL",
        "PUBLIC_URL",
        "PUSH_ENABLED",
        "PUSH_HOST",
    }
)
"""Settings that each stack has for itself. Stacks on the same tables must agree on all others: a further stack takes
them from the core."""

WEBSOCKET_API = "WebsocketAPI"
"""Chalice's WebSocket API in the core; in a further stack, the parameter with its id."""


def check_name(name: str) -> None:
    """Raises ValueError for an invalid name of a further stack."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(f"NAME of a further stack has to match {NAME_PATTERN}, {name!r} does not")


def own_name(suffix: str) -> Json:
    """The default admin name of a further stack, which is unique."""
    return {"Fn::Sub": f"{APP_NAME}-${{Stage}}-admin-${{Name}}-{suffix}"}


def settings_of(name: str, core: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Settings of a further stack: its own from the environment, the others from the parameters of the core's stack.

    Raises ValueError for an admin name that is the core's: the two would be one admin.
    """
    taken = {name: value for name, value in shared_settings(core).items() if name not in OWN_SETTINGS}
    own = {each: environment.get(each, "") for each in OWN_SETTINGS}
    settings = {"ADMIN_NAME": f"admin-{name}"} | {each: value for each, value in (taken | own).items() if value}
    core_name = core.get("AdminName") or f"admin-{core.get('CoreName') or 'default'}"
    if settings["ADMIN_NAME"] == core_name:
        raise ValueError(f"{core_name} is the core's name: choose another NAME, or set ADMIN_NAME")
    return settings


def shared_settings(core: Mapping[str, str]) -> dict[str, str]:
    """The settings of the core, from the parameters of its stack, for other stacks on its tables."""
    taken = {each: core.get(parameter_name(each), "") for each in documented_settings()}
    if (domain := core.get(parameter_name("WEBSOCKET_DOMAIN_NAME"))) and not taken["WEBSOCKET_URL"]:
        taken["WEBSOCKET_URL"] = f"wss://{domain}"
    return taken


def followed_options(own: Mapping[str, str], core: Mapping[str, str]) -> dict[str, str]:
    """The options that another stack takes from the parameters of the core's, those that it does not set itself."""
    values = {name: core.get(parameter_name(name), "") for name in FOLLOWING_OPTIONS if not own.get(name)}
    return {name: value for name, value in values.items() if value}


def urls_for_agents(own_url: str, core: Mapping[str, str]) -> str:
    """The default of ADMIN_URLS: agents that enrol here continue at the core when this stack is gone."""
    others = (core.get("AdminUrls") or core.get("PublicUrl", "")).split(",")
    return ",".join(url for url in (own_url, *others) if url)


def source_queue(queue: Queue, deployable: Deployable) -> Json:
    """ARN of the queue that starts a function of such a stack."""
    is_own = deployable.kind is StackKind.FURTHER
    return {"Fn::GetAtt": [OWN_QUEUE, "Arn"]} if is_own else {"Ref": queue_parameter(queue)}


def own_queue() -> Json:
    """The delivery queue of this stack, its dead-letter queue, and the alarms on both."""
    consumer = function("deliver_commands")
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": [OWN_DEAD_QUEUE, "Arn"]}, "maxReceiveCount": MAX_RECEIVES}
    common: Json = {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": OWN_RETENTION_SECONDS}
    queue = {
        **common,
        "QueueName": own_name(COMMAND_DELIVERY),
        "VisibilityTimeout": VISIBILITY_TIMEOUTS * consumer.timeout_seconds,
        "RedrivePolicy": redrive,
    }
    dead = {**common, "QueueName": own_name(f"{COMMAND_DELIVERY}-dead")}
    closed = {"Queues": [{"Ref": OWN_QUEUE}, {"Ref": OWN_DEAD_QUEUE}], "PolicyDocument": only_by_tls("sqs:*", "*")}
    return {
        "QueuePolicy": {"Type": "AWS::SQS::QueuePolicy", "Properties": closed},
        OWN_QUEUE: {"Type": "AWS::SQS::Queue", "Properties": queue},
        OWN_DEAD_QUEUE: {"Type": "AWS::SQS::Queue", "Properties": dead},
        f"{OWN_QUEUE}AgeAlarm": age_alarm(consumer, _name_of(OWN_QUEUE), APPLICATION_TOPIC),
        f"{OWN_DEAD_QUEUE}Alarm": waiting_alarm(
            "A delivery of a further stack", _name_of(OWN_DEAD_QUEUE), APPLICATION_TOPIC
        ),
    }


def _name_of(queue: str) -> Json:
    return {"Fn::GetAtt": [queue, "QueueName"]}

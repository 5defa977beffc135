"""A CloudWatch dashboard of a deployed stage, with the real names: ``python -m infra.dashboard --stage dev > it.json``.

The templates leave it out: a dashboard costs 3 USD a month beyond an account's first three (CloudWatch pricing).
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import families
from infra import apis, aws
from infra.deployables import Deployable, chosen
from infra.functions import API_STAGE, APP_NAME
from infra.stacks import WAIT, Stacks, application_stack, deployed_families

Json = dict[str, Any]
Metric = list[Any]

WIDTH, HEIGHT = 8, 6
"""Of a graph, in the units of a dashboard, which is 24 wide."""

MINUTE = 60


def dashboard(
    stage: str, region: str, names: Sequence[tuple[Deployable, Mapping[str, str]]], alarms: Sequence[str]
) -> Json:
    """The body of the dashboard. ``names`` has, for each application stack of the stage, the core's first, its physical
    names by logical ids; ``alarms`` are ARNs."""
    stacks = [each for each, _ in names]
    sockets = ["ApiId", names[0][1][apis.SOCKET_API], "Stage", API_STAGE]
    functions = {f"{_of(stack)}{each.name}": ids[each.resource] for stack, ids in names for each in stack.functions}
    relays = [each for each in functions if each.endswith(_RELAY)]
    all_queues = [queue for stack in stacks for queue in stack.queues]
    queues = [queue for queue in all_queues if not queue.is_manual]
    for_people = [queue.dead_letters or queue for queue in all_queues]
    tables = [table.name for stack in stacks for table in stack.tables]
    graphs = [
        ("Requests", "Sum", _by_api(stage, stacks, "Count", "4XXError", "5XXError")),
        ("Requests: 99 of 100 are faster, ms", "p99", _by_api(stage, stacks, "Latency")),
        (
            "Sockets",
            "Sum",
            [_metric("ApiGateway", name, sockets) for name in ("ConnectCount", "MessageCount", "ExecutionError")],
        ),
        ("Failing functions", "Sum", _by_function("Errors", functions)),
        ("99 of 100 runs are faster, ms", "p99", _by_function("Duration", functions)),
        ("Copies at work", "Maximum", [_metric("Lambda", "ConcurrentExecutions", [])]),
        ("Relay: how far behind, ms", "Maximum", _by_function("IteratorAge", functions, *relays)),
        ("Oldest message, s", "Maximum", _by_queue("ApproximateAgeOfOldestMessage", stage, queues)),
        ("Messages that wait for a person", "Maximum", _by_queue(_VISIBLE, stage, for_people)),
        ("Table throttles", "Sum", _by_table("WriteThrottleEvents", stage, tables)),
        ("Write units", "Sum", _by_table("ConsumedWriteCapacityUnits", stage, tables)),
        ("Read units", "Sum", _by_table("ConsumedReadCapacityUnits", stage, tables)),
    ]
    ringing = {"type": "alarm", "x": 0, "y": 0, "width": 24, "height": HEIGHT, "properties": _alarms(alarms)}
    return {"widgets": [ringing, *(_graph(index, region, *graph) for index, graph in enumerate(graphs))]}


_RELAY = "relay_changes"
_VISIBLE = "ApproximateNumberOfMessagesVisible"


def _alarms(alarms: Sequence[str]) -> Json:
    return {"title": "Alarms", "alarms": list(alarms)}


def _graph(index: int, region: str, title: str, statistic: str, metrics: Sequence[Metric]) -> Json:
    return {
        "type": "metric",
        "x": index % 3 * WIDTH,
        "y": HEIGHT + index // 3 * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {
            "title": title,
            "stat": statistic,
            "period": MINUTE,
            "region": region,
            "view": "timeSeries",
            "metrics": list(metrics),
        },
    }


def _metric(service: str, name: str, dimensions: Sequence[str], label: str = "") -> Metric:
    return [f"AWS/{service}", name, *dimensions, *([{"label": label}] if label else [])]


def _of(stack: Deployable) -> str:
    """The beginning of the names of a family's functions, some of which the core has too."""
    return "" if stack.is_core else f"{stack.family.name}/"


def _by_api(stage: str, stacks: Sequence[Deployable], *names: str) -> list[Metric]:
    found = []
    for stack in stacks:
        of_api = ["ApiName", f"{APP_NAME}-{stage}{stack.suffix}", "Stage", API_STAGE]
        found += [_metric("ApiGateway", name, of_api, f"{_of(stack)}{name}") for name in names]
    return found


def _by_function(name: str, functions: Mapping[str, str], *only: str) -> list[Metric]:
    shown = {each: called for each, called in functions.items() if not only or each in only}
    return [_metric("Lambda", name, ["FunctionName", called], each) for each, called in shown.items()]


def _by_queue(name: str, stage: str, queues: Sequence[str]) -> list[Metric]:
    return [_metric("SQS", name, ["QueueName", f"{APP_NAME}-{stage}-{queue}"], queue) for queue in queues]


def _by_table(name: str, stage: str, tables: Sequence[str]) -> list[Metric]:
    return [_metric("DynamoDB", name, ["TableName", f"{APP_NAME}-{stage}-{table}"], table) for table in tables]


def read(session: Any, stage: str) -> Json:
    """The dashboard of a deployed stage, with its families. Raises ValueError for a stage that is not deployed."""
    stacks = Stacks(aws.client(session, "cloudformation"), WAIT)
    if not stacks.exists(application_stack(stage)):
        raise ValueError(f"there is no stack {application_stack(stage)} in this account and region")
    deployed = chosen(families.NAMES[0], deployed_families(stacks, stage))
    names = [
        (each, stacks.physical_ids(application_stack(stage, each)))
        for each in deployed
        if stacks.exists(application_stack(stage, each))
    ]
    account = aws.client(session, "sts").get_caller_identity()["Account"]
    partition = session.get_partition_for_region(session.region_name)
    arn = f"arn:{partition}:cloudwatch:{session.region_name}:{account}:alarm:"
    alarms = [f"{arn}{called}" for _, ids in names for name, called in sorted(ids.items()) if name.endswith("Alarm")]
    return dashboard(stage, session.region_name, names, alarms)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.dashboard", description=__doc__)
    parser.add_argument("--stage", required=True)
    asked = parser.parse_args(arguments)
    try:
        print(json.dumps(read(aws.session_of(asked.stage), asked.stage), indent=2))
    except (ValueError, BotoCoreError, ClientError) as error:
        print(f"infra.dashboard: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

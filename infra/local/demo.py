"""`make demo`: the main job, for real. Three agents enrol, one command runs on all, every output comes back, and a
webhook is told of each. Then a machine is made by request, used and removed. With FAMILY=cloud: a tenant with users.

Exit status 0 only if all of it happened.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.families import SERVED
from chalicelib.kit.clock import SystemClock
from chalicelib.platform.provisioning.ec2_tags import TENANT_TAG
from infra.local.agents import SampleAgent, SampleAgents
from infra.local.bus_tap import BusTap
from infra.local.cloud import LocalCloud
from infra.local.demo_cloud import DemoCloud, NotRefusedError
from infra.local.demo_machine import DemoMachine
from infra.local.demo_resources import WrongResultError
from infra.local.demo_webhook import DemoWebhook, letting_webhooks_in
from infra.local.hops import steps_of, subject_of
from infra.local.lifetime import Lifetime, StopRequested
from infra.local.operator_api import ApiError, Operator
from infra.local.options import settings_of_this_shell
from infra.local.receiver import SampleReceiver

Json = dict[str, Any]

AGENTS = 3
CLUSTER = "demo"
COMMAND = 'uname -sm; echo "hello from $(basename "$PWD")"'
PATIENCE_SECONDS = 60.0

_POLL_SECONDS = 0.05


class DemoFailedError(Exception):
    """An expected result did not occur."""


_CLOUD = "cloud"


def main() -> int:
    Lifetime()
    # Functions have a variable of that name too, which a shell must not set.
    family = os.environ.pop(SERVED, "")
    if family not in {"", _CLOUD}:
        print(f"make demo: FAMILY is {family!r}. Allowed: {_CLOUD}, or none", file=sys.stderr)
        return 2
    try:
        _run_cloud() if family else _run()
    except StopRequested:
        print("\nstopped", file=sys.stderr)
        return 130
    except (DemoFailedError, NotRefusedError, WrongResultError, ApiError, OSError, RuntimeError, ValueError) as error:
        print(f"\nmake demo failed: {error}", file=sys.stderr)
        return 1
    return 0


def _run() -> None:
    started = time.monotonic()
    print("Starting a local cloud", flush=True)
    options = letting_webhooks_in(settings_of_this_shell(port=0))
    with (
        LocalCloud(options, _print_step) as cloud,
        SampleAgents(cloud.folder) as agents,
        SampleReceiver(cloud.folder) as receiver,
    ):
        print(f"  The API is at {cloud.url}\n\nEnrolling {AGENTS} agents", flush=True)
        tap = BusTap(cloud.client("events"), cloud.client("sqs"), cloud.event_bus_name)
        operator = Operator(cloud.url, cloud.master_key)
        webhook = DemoWebhook(operator, receiver)
        nodes = _enrol(operator, agents)
        print(f"\nRunning on all of them: {COMMAND}", flush=True)
        executions = _run_command(operator, nodes, tap)
        _wait_for("the webhook's events", lambda: webhook.has_told_of(executions), agents.agents)
        webhook.print_one(executions)
        print("\nMaking a machine from nothing", flush=True)
        DemoMachine(operator, CLUSTER, lambda what, is_done: _wait_for(what, is_done, agents.agents)).run()
        _explain_failures(cloud)
    print(f"\nAll of it worked, in {time.monotonic() - started:.1f} s; everything is stopped.")


def _run_cloud() -> None:
    started = time.monotonic()
    print("Starting a local cloud", flush=True)
    with tempfile.TemporaryDirectory() as mails:
        shell = settings_of_this_shell(port=0)
        settings = {**shell.settings, "MAIL_DIR": mails}
        options = replace(shell, families=f"machines,{_CLOUD}", settings=settings, warms_up=False)
        with LocalCloud(options, _print_step) as cloud:
            print(f"  The API is at {cloud.url}\n\nA tenant and its people", flush=True)
            ec2 = cloud.client("ec2")
            demo = DemoCloud(
                cloud.url,
                cloud.master_key,
                Path(mails),
                lambda what, is_done: _wait_for(what, is_done, []),
                lambda: _things_of_tenants(ec2),
            )
            try:
                demo.run()
            finally:
                _explain_failures(cloud)
    print(f"\nAll of it worked, in {time.monotonic() - started:.1f} s; everything is stopped.")


def _things_of_tenants(ec2: Any) -> list[str]:
    """The ids of what EC2 has with the tag of a tenant."""
    ours = [{"Name": "tag-key", "Values": [TENANT_TAG]}]
    return [
        *(each["VpcId"] for each in ec2.describe_vpcs(Filters=ours)["Vpcs"]),
        *(each["SubnetId"] for each in ec2.describe_subnets(Filters=ours)["Subnets"]),
        *(each["VolumeId"] for each in ec2.describe_volumes(Filters=ours)["Volumes"]),
        *(each["GroupId"] for each in ec2.describe_security_groups(Filters=ours)["SecurityGroups"]),
        *(each["RouteTableId"] for each in ec2.describe_route_tables(Filters=ours)["RouteTables"]),
        *(each["InternetGatewayId"] for each in ec2.describe_internet_gateways(Filters=ours)["InternetGateways"]),
    ]


def _print_step(text: str, seconds: float) -> None:
    print(f"  {seconds:5.1f} s  {text}", flush=True)


def _enrol(operator: Operator, agents: SampleAgents) -> dict[str, SampleAgent]:
    """Node ids and their agents, once all are connected."""
    operator.create_cluster(CLUSTER)
    key = operator.create_enrollment_key(CLUSTER, AGENTS)
    began = time.monotonic()
    for _ in range(AGENTS):
        agents.add(key).start()
    _wait_for("the agents to connect", lambda: len(agents.connected()) == AGENTS, agents.agents)
    nodes = {str(agent.node_id()): agent for agent in agents.agents}
    known = {node["id"] for node in operator.nodes()}
    if known != set(nodes):
        raise DemoFailedError(f"the API knows {len(known)} nodes, {len(nodes)} enrolled")
    for node_id in nodes:
        print(f"  {node_id}  enrolled and connected")
    print(f"  took {time.monotonic() - began:.1f} s")
    return nodes


def _run_command(operator: Operator, nodes: dict[str, SampleAgent], tap: BusTap) -> set[str]:
    """The ids of its executions, once all are completed."""
    asked = SystemClock().now()
    command = operator.run_on_all(COMMAND)
    answered = SystemClock().now()
    executions: list[Json] = []

    def finished() -> bool:
        executions[:] = operator.executions_of(command["id"])
        return len(executions) == len(nodes) and all(each["status"] == "completed" for each in executions)

    _wait_for("every result", finished, list(nodes.values()))
    seen = SystemClock().now()
    ids = {str(each["id"]) for each in executions}
    _wait_for("the events", lambda: _completed_on_bus(tap, ids), list(nodes.values()))
    for execution in executions:
        _print_execution(execution, nodes[execution["node_id"]], tap, asked, answered)
        if execution["exit_code"] != 0:
            raise DemoFailedError(f"exit code {execution['exit_code']}")
    print(f"\n  all {len(executions)} results seen through the API after {_ms(asked, seen):.0f} ms")
    return ids


def _completed_on_bus(tap: BusTap, ids: set[str]) -> bool:
    completed = [each for each in tap.envelopes() if each["type"] == "edge.command_execution.completed"]
    return ids <= {subject_of(each) for each in completed}


def _print_execution(execution: Json, agent: SampleAgent, tap: BusTap, asked: datetime, answered: datetime) -> None:
    steps = [(answered, "API answered"), *steps_of(agent, tap.envelopes(), execution["id"])]
    print(f"\n  node {execution['node_id']}  exit code {execution['exit_code']}")
    for line in execution["output"].splitlines():
        print(f"    | {line}")
    for moment, text in sorted(steps):
        print(f"    {_ms(asked, moment):6.0f} ms  {text}")


def _ms(since: datetime, until: datetime) -> float:
    return (until - since) / timedelta(milliseconds=1)


def _wait_for(what: str, is_done: Callable[[], bool], agents: list[SampleAgent]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            logs = "\n".join(agent.log.read_text()[-1500:] for agent in agents)
            raise DemoFailedError(f"waited {PATIENCE_SECONDS:.0f} s in vain for {what}\n{logs}")
        time.sleep(_POLL_SECONDS)


def _explain_failures(cloud: LocalCloud) -> None:
    """Raises `DemoFailedError` if a function failed on the way, even if a repeat succeeded."""
    failures = cloud.function_failures()
    if failures:
        raise DemoFailedError("functions failed:\n" + "\n".join(failures[:10]))


if __name__ == "__main__":
    sys.exit(main())

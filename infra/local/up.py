"""`make up`: the application in a local cloud, kept running until Ctrl-C."""

import sys
import time

from infra.agent_release import build_for_this_machine, publish
from infra.local.agents import SampleAgents
from infra.local.cloud import LocalCloud
from infra.local.lifetime import Lifetime, StopRequested
from infra.local.operator_api import Operator
from infra.local.options import settings_of_this_shell
from infra.package import ROOT

DEFAULT_PORT = 8080
SAMPLE_CLUSTER = "samples"

PATIENCE_SECONDS = 30.0
"""How long to wait for the agents before reporting missing ones."""

POLL_SECONDS = 0.1


def main(agent_count: int) -> int:
    lifetime = Lifetime()
    try:
        with LocalCloud(settings_of_this_shell(port=DEFAULT_PORT)) as cloud, SampleAgents(cloud.folder) as agents:
            _print_addresses(cloud)
            if agent_count:
                _enrol(Operator(cloud.url, cloud.master_key), agents, agent_count)
            print(f"installer   {_serve_agent(cloud)}")
            print("Ctrl-C stops everything; its nodes and keys are gone then", flush=True)
            lifetime.wait()
    except StopRequested:
        print("\nstopped")
    except OSError as error:
        print(f"make up: {error}", file=sys.stderr)
        return 1
    return 0


def _enrol(operator: Operator, agents: SampleAgents, count: int) -> None:
    """Start the agents, and print them once the API lists all of them: from then on a command reaches each."""
    operator.create_cluster(SAMPLE_CLUSTER)
    key = operator.create_enrollment_key(SAMPLE_CLUSTER, count)
    for _ in range(count):
        agents.add(key).start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(agents.connected()) < count and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    enrolled = agents.connected()
    print(f"agents      {len(enrolled)} of {count} in cluster {SAMPLE_CLUSTER}")
    for agent in enrolled:
        print(f"            {agent.node_id()}")
    if len(enrolled) < count:
        logs = ", ".join(str(agent.log) for agent in agents.agents if agent not in enrolled)
        print(f"            the others are not there yet; their logs: {logs}")


def _serve_agent(cloud: LocalCloud) -> str:
    """Release the agent for this machine's architecture in this cloud; returns a line to print."""
    try:
        bundles = build_for_this_machine(ROOT / "build")
    except RuntimeError as error:
        return f"none: the agent could not be built ({str(error).splitlines()[-1]})"
    if not bundles:
        return "none: there is no archive of the agent for this machine"
    version = publish(cloud.client("s3"), cloud.state["ArtifactBucket"], bundles)
    return f"{cloud.url}/agent/install.sh ({version})"


def _print_addresses(cloud: LocalCloud) -> None:
    print(f"API         {cloud.url}")
    print(f"WebSocket   {cloud.websocket_url}")
    print(f"MASTER_KEY  {cloud.master_key}")
    print(f"AWS APIs    {cloud.emulator_url}", flush=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))

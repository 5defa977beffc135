"""`make up`: the application in a local cloud, kept running until Ctrl-C."""

import sys

from infra.local.agents import SampleAgents
from infra.local.cloud import LocalCloud, settings_of_this_shell
from infra.local.lifetime import Lifetime, StopRequested
from infra.local.operator_api import Operator

DEFAULT_PORT = 8080
SAMPLE_CLUSTER = "samples"


def main(agent_count: int) -> int:
    lifetime = Lifetime()
    try:
        with LocalCloud(settings_of_this_shell(port=DEFAULT_PORT)) as cloud, SampleAgents(cloud.folder) as agents:
            if agent_count:
                _start_agents(Operator(cloud.url, cloud.master_key), agents, agent_count)
            _print_addresses(cloud, agent_count)
            lifetime.wait()
    except StopRequested:
        print("\nstopped")
    except OSError as error:
        print(f"make up: {error}", file=sys.stderr)
        return 1
    return 0


def _start_agents(operator: Operator, agents: SampleAgents, count: int) -> None:
    operator.create_cluster(SAMPLE_CLUSTER)
    key = operator.create_enrollment_key(SAMPLE_CLUSTER, count)
    for _ in range(count):
        agents.add(key).start()


def _print_addresses(cloud: LocalCloud, agent_count: int) -> None:
    print(f"API         {cloud.url}")
    print(f"WebSocket   {cloud.websocket_url}")
    print(f"MASTER_KEY  {cloud.master_key}")
    print(f"AWS APIs    {cloud.emulator_url}")
    if agent_count:
        print(f"agents      {agent_count}, in cluster {SAMPLE_CLUSTER}")
    print("Ctrl-C stops everything", flush=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))

"""500 agents lose their connections and come back at once, to a command that waits for all of them."""

import asyncio
import time

from tests.rehearsals.light_nodes import enrolled, reconnect_all
from tests.rehearsals.stage import Stage

NODES = 500
CLUSTER = "rush"


def play(stage: Stage) -> None:
    began = time.monotonic()
    # A cluster has 254 addresses by default, and reserves some.
    stage.sure("POST", "/api/v1/clusters", {"name": CLUSTER, "ipv4_range": "100.96.0.0/21"})
    key = stage.sure("POST", f"/api/v1/clusters/{CLUSTER}/enrollment_keys", {"uses_remaining": NODES})["key"]
    agents = enrolled(stage.cloud.url, key, NODES, CLUSTER)
    nodes = {agent.node_id for agent in agents}
    seconds = time.monotonic() - began
    stage.say(f"{len(nodes)} light nodes enrolled in {seconds:.0f} s, {len(nodes) / seconds:.1f} a second")

    def away() -> None:
        stage.say("all are connected; all connections break, and a command for all is accepted")
        targeting = {"type": "clusters", "cluster_names": [CLUSTER]}
        given = stage.note("echo MARK", targeting, nodes)
        stage.until(lambda: len(stage.executions_of(given)) == NODES, "all executions")

    rush = asyncio.run(reconnect_all(stage.cloud.url, stage.cloud.websocket_url, agents, away))
    stage.runs |= rush.runs
    stage.say(f"all come back at once: the last was connected after {rush.connected_seconds:.1f} s,")
    stage.say(f"the last had reported after {rush.done_seconds:.1f} s")
    stage.rest()

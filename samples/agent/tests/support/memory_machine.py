"""One machine in memory: its disk outlives the processes of its agent, and time is virtual."""

import asyncio
import io
import json
import random
import uuid
from pathlib import PurePath

from edge_agent.agent import Agent
from edge_agent.enrollment import ServicePorts
from edge_agent.enrollment_key import KeySource
from edge_agent.event_log import EventLog
from edge_agent.executor import CommandLimits
from edge_agent.options import MetricsOptions, Options
from edge_agent.runtime import Runtime

from samples.agent.tests.support.memory_ports import MemoryPorts
from samples.agent.tests.support.stub_server import StubServer

STATE = PurePath("/state")
HOUR = 3600.0


def server_without_sockets():
    stub = StubServer()
    stub.url, stub.websocket_url = "http://127.0.0.1", "ws://127.0.0.1/agent"
    return stub


class Machine:
    """A machine whose disk outlives the processes of its agent."""

    def __init__(self, server):
        self.server = server
        self.disk = None
        self.log = io.StringIO()

    def run(self, scenario):
        """Start an agent, run `scenario(ports)` beside it, then stop the agent. Returns the ports."""
        ports = MemoryPorts(self.server, self.disk)
        ports.run(self._run(ports, scenario))
        return ports

    async def _run(self, ports, scenario):
        log = EventLog(self.log, ports.clock)
        runtime = Runtime(options(self.server), ports.all(), random.Random(1), log)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Agent(runtime).run())
            await scenario(ports)
            runtime.stop.set()

    def logged(self, event):
        lines = (json.loads(line) for line in self.log.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]


def options(server):
    return Options(
        state_dir=STATE,
        keys=KeySource(server.key),
        node_id=str(uuid.UUID(int=7)),
        random_id=False,
        machine_id_file=PurePath("/etc/machine-id"),
        network_name=None,
        ca_file=None,
        service_ports=ServicePorts(1, 2, 3, 4, 5, 6),
        push=None,
        ssh=None,
        metrics=MetricsOptions(port=None, node_exporter_url=None, interval_seconds=None),
        aliases=(),
        labels={},
        self_update_command=None,
        versions=None,
        limits=CommandLimits(max_parallel=4, cancel_grace_seconds=5.0),
        environment={},
    )


def final(server, execution_id):
    async def scenario(ports):
        while server.final(execution_id) is None:
            await ports.clock.sleep(1)

    return scenario

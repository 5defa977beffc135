import sys
from pathlib import Path

import pytest

# The agent is a package of its own, with its own requirements; whoever runs these tests need not have installed it.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from agent_process import AgentProcesses  # noqa: E402
from ssh_agent_process import SshAgent  # noqa: E402
from stub_server import StubServer  # noqa: E402


@pytest.fixture
def server():
    with StubServer() as running:
        yield running


@pytest.fixture(scope="session")
def ssh(tmp_path_factory):
    """One agent with an SSH server for all tests that leave it as they found it."""
    with StubServer() as server:
        running = SshAgent(server, tmp_path_factory.mktemp("ssh"), "--cancel-grace-seconds", "1")
        with running.agents:
            yield running
        strange = [line for line in running.agent.stderr.splitlines() if not line.startswith("{")]
        assert not strange, "something was raised where nobody takes it"


@pytest.fixture
def agents(server, tmp_path):
    with AgentProcesses(server, tmp_path) as running:
        yield running

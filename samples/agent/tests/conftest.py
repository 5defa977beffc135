import pytest

from samples.agent.tests.support.agent_process import AgentProcesses
from samples.agent.tests.support.ssh_agent_process import SshAgent
from samples.agent.tests.support.stub_server import StubServer


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

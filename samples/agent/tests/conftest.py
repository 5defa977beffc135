import sys
from pathlib import Path

import pytest

# The agent is a package of its own, with its own requirements; whoever runs these tests need not have installed it.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from agent_process import AgentProcesses  # noqa: E402
from stub_server import StubServer  # noqa: E402


@pytest.fixture
def server():
    with StubServer() as running:
        yield running


@pytest.fixture
def agents(server, tmp_path):
    with AgentProcesses(server, tmp_path) as running:
        yield running

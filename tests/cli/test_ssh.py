"""`edgectl ssh`, against the real routes."""

import pytest
from edgectl.errors import SOME_FAILED

from tests.support.builders import a_cluster, machines
from tests.support.terminal import Terminal
from tests.support.world import World


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


@pytest.fixture
def terminal(world):
    return Terminal(world)


class TestKnownHosts:
    """What OpenSSH's client is told of the machines."""

    KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFHHJI7qbjh1tCbOZ2lSVFg5cJ3Iy1Rc8hYnlNbDMIVU"

    def lines(self, terminal, *arguments):
        return [line.split(" ", 1) for line in terminal.type("ssh", "known-hosts", *arguments).out.splitlines()]

    def test_machine_is_known_by_the_names_that_the_control_plane_gives(self, terminal, world):
        [machine] = machines(world, 1, ssh_host_keys=(self.KEY,), ssh_port=40022, hostname="bank.example.com")
        terminal.type("aliases", "create", machine.id, "--name", "till-3")

        [(hosts, key)] = self.lines(terminal)
        assert key == self.KEY
        assert {f"[node-{machine.id}]:40022", "[till-3]:40022"} <= set(hosts.split(","))
        assert "bank.example.com" not in hosts

    def test_words_of_a_machine_count_only_when_asked_for(self, terminal, world):
        machines(world, 1, ssh_host_keys=(self.KEY,), ssh_port=22, hostname="till-3", addresses=("10.0.0.7", "a,evil"))

        [(hosts, _)] = self.lines(terminal, "--told")
        assert {"till-3", "10.0.0.7"} <= set(hosts.split(","))
        assert "evil" not in hosts

    def test_machine_without_a_host_key_has_no_line_and_is_counted(self, terminal, world):
        machines(world, 1, ssh_host_keys=(self.KEY,))
        silent = machines(world, 3)[0]
        ended = terminal.type("ssh", "known-hosts")
        assert (ended.code, len(ended.out.splitlines())) == (0, 1)
        assert ended.err.startswith("3 machines tell no host key")

        assert terminal.type("ssh", "known-hosts", "--on", silent.id).code == SOME_FAILED

import asyncio
import io
import os
import shutil
import socket
import subprocess
from functools import partial

import asyncssh
import pytest
from edge_agent.event_log import EventLog
from edge_agent.ports.clock import SystemClock
from edge_agent.ports.disk import SystemDisk
from edge_agent.ssh_server import host_key
from edge_agent.state_directory import StateDirectory

from samples.agent.tests.support.eventually import PATIENCE_SECONDS, eventually
from samples.agent.tests.support.ssh_agent_process import PASSWORD, VERIFY

SSH = shutil.which("ssh")
needs_ssh = pytest.mark.skipif(SSH is None, reason="no ssh client")


@pytest.fixture(scope="module")
def key():
    return asyncssh.generate_private_key("ssh-ed25519", comment="of a test")


def public_text(key):
    return key.export_public_key().decode().strip()


def by_key(key):
    return {"client_keys": [key], "password": None}


def test_registration_has_the_real_ssh_port(ssh):
    assert ssh.server.seen("POST", "/agents/nodes")[0].body["ssh_port"] == ssh.port


def test_password_is_verified_by_the_server_at_every_login(ssh):
    before = len(ssh.logins_asked())
    for _ in range(2):
        assert ssh.run("true").exit_status == 0
    asked = ssh.logins_asked()[before:]
    assert [request.body for request in asked] == [{"username": "ada", "password": PASSWORD}] * 2
    assert {request.token for request in asked} <= set(ssh.server.tokens.values())


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
def test_public_key_is_accepted_while_the_server_knows_it(ssh, kind):
    key = asyncssh.generate_private_key(kind, comment="of a test")
    assert ssh.refused(**by_key(key))
    ssh.server.allow_key("ada", public_text(key))
    assert ssh.run("echo in", login=by_key(key)).stdout == "in\n"
    assert ssh.logins_asked()[-1].body["public_key"].split()[:2] == public_text(key).split()[:2]
    ssh.server.public_keys.clear()
    assert ssh.refused(**by_key(key))


def test_verified_user_does_not_admit_another(ssh):
    assert ssh.refused(username="bob")
    assert ssh.refused(password="wrong")


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 503])
def test_login_without_a_positive_answer_is_refused(ssh, status):
    ssh.server.fail("POST", VERIFY, status=status)
    assert ssh.refused()
    assert ssh.run("true").exit_status == 0


def test_login_during_an_outage_is_refused(ssh):
    ssh.server.down = True
    try:
        assert ssh.refused()
    finally:
        ssh.server.down = False
    refusals = partial(ssh.agent.logged, "ssh.login", result="refused")
    eventually(lambda: any("127.0.0.1" in entry.get("reason", "") for entry in refusals()), what=ssh.agent.stderr)


def test_connection_with_too_many_refusals_is_closed(ssh):
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(8)]
    before = len(ssh.logins_asked())
    assert ssh.refused(client_keys=keys, password=None)
    assert len(ssh.logins_asked()) - before == 6


def test_login_with_an_invalid_name_is_refused(ssh):
    assert ssh.refused(username="x" * 900)
    assert ssh.run("true").exit_status == 0


class RealClient:
    def __init__(self, ssh, folder):
        self.ssh = ssh
        self.folder = folder
        self.known_hosts = folder / "known_hosts"
        host_key = public_text(ssh.host_key)
        self.known_hosts.write_text(f"[127.0.0.1]:{ssh.port} {host_key}\n")

    def run(self, *arguments, environment=None):
        fixed = ["-F", "none", "-p", str(self.ssh.port), "-o", f"UserKnownHostsFile={self.known_hosts}"]
        fixed += ["-o", "StrictHostKeyChecking=yes", "-o", "NumberOfPasswordPrompts=1", "-o", "IdentitiesOnly=yes"]
        variables = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **(environment or {})}
        return subprocess.run(
            [SSH, *fixed, *arguments],
            check=False,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )


@needs_ssh
def test_openssh_login_with_a_deleted_key_is_refused(ssh, key, tmp_path):
    key_file = tmp_path / "id"
    key.write_private_key(key_file)
    key_file.chmod(0o600)
    client = RealClient(ssh, tmp_path)
    arguments = ("-i", str(key_file), "-o", "BatchMode=yes", "ada@127.0.0.1", "echo by key; exit 4")
    ssh.server.allow_key("ada", public_text(key))
    done = client.run(*arguments)
    assert (done.stdout, done.returncode) == ("by key\n", 4), done.stderr
    ssh.server.public_keys.clear()
    done = client.run(*arguments)
    assert (done.stdout, done.returncode) == ("", 255)
    assert "Permission denied" in done.stderr


@needs_ssh
def test_openssh_login_with_a_wrong_password_is_refused(ssh, tmp_path):
    client = RealClient(ssh, tmp_path)
    ask = tmp_path / "askpass"
    ask.write_text('#!/bin/sh\necho "$SAID"\n')
    ask.chmod(0o700)
    for said, expected in ((PASSWORD, ("xterm", 0)), ("wrong", ("", 255))):
        variables = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "SAID": said, "TERM": "xterm"}
        done = client.run("-tt", "ada@127.0.0.1", "echo $TERM", environment=variables)
        assert (done.stdout.strip(), done.returncode) == expected, done.stderr


@pytest.fixture
def log():
    return EventLog(io.StringIO(), SystemClock())


def test_host_key_is_created_once_and_private(tmp_path, log):
    with StateDirectory(tmp_path / "state", SystemDisk()) as state:
        made = host_key(state, log)
        assert host_key(state, log).get_fingerprint() == made.get_fingerprint()
        path = state.path / "ssh_host_key"
        assert path.stat().st_mode & 0o777 == 0o600
        public = state.path / "ssh_host_key.pub"
        assert asyncssh.read_public_key(public).get_fingerprint() == made.get_fingerprint()
        public.unlink()
        host_key(state, log)
        assert public.exists()


def test_host_key_that_cannot_be_read_now_is_not_replaced(tmp_path, log):
    with StateDirectory(tmp_path / "state", SystemDisk()) as state:
        made = host_key(state, log)
        path = state.path / "ssh_host_key"
        path.rename(tmp_path / "kept")
        path.mkdir()
        with pytest.raises(IsADirectoryError):
            host_key(state, log)
        path.rmdir()
        (tmp_path / "kept").rename(path)
        assert host_key(state, log).get_fingerprint() == made.get_fingerprint()


@pytest.mark.parametrize("damage", [b"", b"nothing", b"\x00\xff"], ids=["empty", "text", "bytes"])
def test_agent_with_a_damaged_host_key_runs_commands_and_tells_its_new_key(server, agents, damage):
    agents.connected("--ssh-port", "0").stop()
    path = agents.state_dir / "ssh_host_key"
    path.write_bytes(damage)
    agent = agents.connected("--ssh-port", "0")
    agent.wait_for("ssh.host_key_damaged")
    agent.wait_for("ssh.listening")
    execution_id = server.add("echo runs", wake=True)
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "runs\n"
    assert (agents.state_dir / "ssh_host_key.damaged").read_bytes() == damage
    told = server.seen("POST", "/agents/nodes")[-1].body["facts"]["ssh_host_keys"]
    assert told == [public_text(asyncssh.read_private_key(path))]


def test_agent_whose_host_key_cannot_be_read_runs_commands_and_tries_again(server, agents):
    agents.connected("--ssh-port", "0").stop()
    path = agents.state_dir / "ssh_host_key"
    path.unlink()
    path.mkdir()
    agent = agents.connected("--ssh-port", "0")
    agent.wait_for("task.failed", task="ssh")
    execution_id = server.add("echo runs", wake=True)
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "runs\n"
    path.rmdir()
    agent.wait_for("ssh.listening")


def test_ssh_port_in_use_is_retried(server, agents):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        agent = agents.connected("--ssh-port", str(port))
        agent.wait_for("task.failed", task="ssh")
        assert server.seen("POST", "/agents/nodes")[0].body["ssh_port"] == port
    agent.wait_for("ssh.listening", port=port)


def test_connections_above_the_limit_are_refused(ssh):
    async def seventeen():
        connections = [await ssh.connect() for _ in range(16)]
        try:
            with pytest.raises((asyncssh.ConnectionLost, ConnectionError)):
                await ssh.connect()
        finally:
            for connection in connections:
                connection.close()
                await connection.wait_closed()

    asyncio.run(seventeen())
    assert ssh.agent.wait_for("ssh.turned_away")["peer"] == "127.0.0.1"

    def there_is_room():
        # The agent may notice the ends a moment later.
        try:
            return ssh.run("echo room").stdout == "room\n"
        except (asyncssh.ConnectionLost, ConnectionError):
            return False

    eventually(there_is_room)


def test_sha_1_signatures_are_refused(ssh):
    key = asyncssh.generate_private_key("ssh-rsa")
    ssh.server.allow_key("ada", public_text(key))
    try:
        assert ssh.run("echo in", login=by_key(key)).stdout == "in\n"
        old = asyncssh.load_keypairs(key)[0]
        # A client that signs as they did before OpenSSH 8.8, whatever the server offers.
        old.sig_algorithm = b"ssh-rsa"
        old.set_sig_algorithm = lambda _: None
        assert ssh.refused(client_keys=[old], password=None)
    finally:
        ssh.server.public_keys.clear()


@needs_ssh
def test_openssh_is_offered_no_sha_1_algorithm(ssh, tmp_path):
    offered = RealClient(ssh, tmp_path).run("-v", "-o", "BatchMode=yes", "ada@127.0.0.1", "true").stderr
    (line,) = [line for line in offered.splitlines() if "server-sig-algs" in line]
    names = line.partition("<")[2].rstrip(">\r").split(",")
    assert "ssh-ed25519" in names
    assert not {"ssh-rsa", "ssh-dss"} & set(names)


@needs_ssh
def test_ssh_command_that_is_not_utf_8_runs(ssh, key, tmp_path):
    key_file = tmp_path / "id"
    key.write_private_key(key_file)
    key_file.chmod(0o600)
    ssh.server.allow_key("ada", public_text(key))
    try:
        command = os.fsdecode(b"printf gr\xfcn | od -An -tx1")
        ended = RealClient(ssh, tmp_path).run("-i", str(key_file), "-o", "BatchMode=yes", "ada@127.0.0.1", command)
    finally:
        ssh.server.public_keys.clear()
    assert ended.stdout.split() == ["67", "72", "fc", "6e"], ended.stderr

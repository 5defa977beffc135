"""People log in to a machine with OpenSSH's client: its SSH server asks the control plane about every one of them."""

import pytest

from tests.e2e.cloud import eventually, fleet, logged, start_connected
from tests.e2e.ssh_client import SSH, SshClient

pytestmark = pytest.mark.skipif(SSH is None, reason="no ssh client on this machine")

PASSWORD = "correct horse battery"
OTHER_PASSWORD = "staple battery horse"
VERIFIED = "edge.ssh_username.verified"
TRIES = 5
"""Passwords that one connection may say: the sixth refusal ends it."""


@pytest.fixture(scope="module")
def staffed(cloud):
    with fleet(cloud, "staffed") as staffed:
        yield staffed


@pytest.fixture(scope="module")
def machine(staffed):
    return staffed.enrol(1, "--ssh-port", "0")[0]


@pytest.fixture
def client(machine, tmp_path):
    return client_of(machine, tmp_path)


def client_of(machine, folder) -> SshClient:
    eventually(lambda: logged(machine, "ssh.listening"))
    port = logged(machine, "ssh.listening")[-1]["port"]
    return SshClient(folder, port, machine.folder / "state" / "ssh_host_key")


def new_username(fleet, machine, username: str, **credentials):
    path = f"/api/v1/nodes/{machine.node_id()}/ssh_usernames"
    answer = fleet.api.call("POST", path, {"username": username, **credentials})
    assert answer.status == 201, answer.text
    return answer.data


def told(tap, machine) -> set[tuple[str, str, str]]:
    """(user name, method, result) of the machine's logins, as the bus tells them."""
    events = [each["data"] for each in tap.envelopes() if each["type"] == VERIFIED]
    ours = [each for each in events if each["node_id"] == machine.node_id()]
    return {(each["username"], each["auth_method"], each["result"]) for each in ours}


def test_node_shows_the_port_of_its_ssh_server(staffed, machine):
    node = staffed.api.get(f"/api/v1/nodes/{machine.node_id()}").data
    assert node["ssh_port"] == logged(machine, "ssh.listening")[-1]["port"]


def test_public_key_is_accepted_until_it_is_deleted(staffed, machine, client, tap):
    api = staffed.api
    first, second = client.new_key("first"), client.new_key("second", "ecdsa")
    assert client.by_key("ada", first, "true").was_refused

    keys = [{"key_name": "first", "public_key": first.public}]
    ada = new_username(staffed, machine, "ada", public_keys=keys)
    [shown] = ada["public_keys"]
    assert shown["fingerprint"] == first.fingerprint
    done = client.by_key("ada", first, "echo $EDGE_SSH_USERNAME; echo trouble >&2; exit 4")
    assert (done.status, done.output, done.error) == (4, "ada\n", "trouble\n")
    assert client.by_key("eve", first, "true").was_refused
    assert client.by_key("ada", second, "true").was_refused

    added = {"key_name": "second", "public_key": second.public}
    assert api.call("POST", f"/api/v1/ssh_usernames/{ada['id']}/ssh_public_keys", added).status == 201
    assert client.by_key("ada", second, "true").status == 0
    of_ada = f"node_id={machine.node_id()}&username=ada"
    assert [each["id"] for each in api.items(f"/api/v1/ssh_usernames?{of_ada}")] == [ada["id"]]
    listed = api.items(f"/api/v1/ssh_public_keys?{of_ada}")
    assert {each["fingerprint"] for each in listed} == {first.fingerprint, second.fingerprint}
    assert all(api.get(f"/api/v1/ssh_public_keys/{each['id']}").data == each for each in listed)
    assert api.call("DELETE", f"/api/v1/ssh_public_keys/{shown['id']}").status == 204
    assert client.by_key("ada", first, "true").was_refused
    assert client.by_key("ada", second, "true").status == 0
    assert api.get(f"/api/v1/ssh_usernames/{ada['id']}").data["last_verified_at"] is not None

    assert api.call("DELETE", f"/api/v1/ssh_usernames/{ada['id']}").status == 204
    assert client.by_key("ada", second, "true").was_refused
    expected = {("ada", "public_key", "success"), ("ada", "public_key", "failure"), ("eve", "unknown", "failure")}
    eventually(lambda: expected <= told(tap, machine))


def test_password_is_accepted_until_it_is_replaced(staffed, machine, client, tap):
    api = staffed.api
    grace = new_username(staffed, machine, "grace", password=PASSWORD)
    assert grace["last_verified_at"] is None

    done = client.by_password("grace", PASSWORD, "echo in; exit 7")
    assert (done.status, done.output) == (7, "in\n"), done.error
    shown = api.get(f"/api/v1/ssh_usernames/{grace['id']}").data
    assert (shown["has_password"], shown["last_verified_at"] is None) == (True, False)
    assert client.by_password("grace", OTHER_PASSWORD, "true").was_refused
    assert client.by_password("nobody", PASSWORD, "true").was_refused
    expected = {("grace", "password", "success"), ("grace", "password", "failure"), ("nobody", "unknown", "failure")}
    eventually(lambda: expected <= told(tap, machine))

    assert api.call("DELETE", f"/api/v1/ssh_usernames/{grace['id']}").status == 204
    assert client.by_password("grace", PASSWORD, "true").was_refused
    new_username(staffed, machine, "grace", password=OTHER_PASSWORD)
    assert client.by_password("grace", PASSWORD, "true").was_refused
    assert client.by_password("grace", OTHER_PASSWORD, "echo again").output == "again\n"
    log = machine.log.read_text()
    assert not [secret for secret in (PASSWORD, OTHER_PASSWORD, "nobody") if secret in log]


def test_ssh_shell_has_a_terminal_and_belongs_to_its_user(staffed, machine, client):
    new_username(staffed, machine, "lin", password=PASSWORD)

    # The terminal shows what is typed: what the shell says has to look different.
    typed = "test -t 0 && echo terminal-$TERM-$((40+2)); echo $EDGE_SSH_USERNAME-$((40+2)); exit 5\n"
    done = client.by_password("lin", PASSWORD, typed=typed)

    assert done.status == 5, done.error
    assert "terminal-vt100-42" in done.output
    assert "lin-42" in done.output
    eventually(lambda: logged(machine, "ssh.session_ended", exit_code=5))


# Slow: the agent alone decides it, and its own tests try it.
@pytest.mark.slow
def test_ssh_login_is_refused_during_a_server_outage(staffed, link, tmp_path):
    machine = staffed.machine()
    start_connected(machine, "--ssh-port", "0", environment=link.environment)
    new_username(staffed, machine, "ada", password=PASSWORD)
    client = client_of(machine, tmp_path)

    link.cut()
    assert client.by_password("ada", PASSWORD, "true").was_refused
    link.mend()

    assert client.by_password("ada", PASSWORD, "echo in").output == "in\n"


# Slow: many logins. The limit is tried in process.
@pytest.mark.slow
def test_password_guessing_is_limited_per_node_and_keys_still_work(staffed, machine, client, tmp_path):
    attacked = staffed.enrol(1, "--ssh-port", "0")[0]
    (tmp_path / "attacked").mkdir()
    at_attacked = client_of(attacked, tmp_path / "attacked")
    key = at_attacked.new_key("key")
    keys = [{"key_name": "key", "public_key": key.public}]
    kim = new_username(staffed, attacked, "kim", password=PASSWORD, public_keys=keys)
    new_username(staffed, machine, "kim", password=PASSWORD)
    assert at_attacked.by_password("kim", PASSWORD, "true").status == 0

    def the_right_one_is_not_looked_at() -> bool:
        # Failures are forgiven one by one: a slow machine has to say more of them.
        at_attacked.by_password("kim", "not the password", "true", tries=TRIES)
        known = len(list(attacked.events()))
        if not at_attacked.by_password("kim", PASSWORD, "true").was_refused:
            return False
        [refusal] = logged(attacked, "ssh.login", since=known, method="password")
        return "status 429" in refusal["reason"]

    eventually(the_right_one_is_not_looked_at)

    assert at_attacked.by_key("kim", key, "echo in").output == "in\n"
    assert client.by_password("kim", PASSWORD, "echo in").output == "in\n"
    assert staffed.api.call("DELETE", f"/api/v1/nodes/{attacked.node_id()}").status == 204
    eventually(lambda: staffed.api.get(f"/api/v1/ssh_usernames/{kim['id']}").status == 404)

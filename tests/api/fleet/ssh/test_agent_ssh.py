"""What a node's SSH server is told over HTTP."""

import pytest

from chalicelib.fleet.api.agent import ssh as routes
from chalicelib.fleet.ssh.attempt_store import ATTEMPTS
from chalicelib.fleet.ssh.rules import credential_of
from chalicelib.kit.openssh import parse
from tests.application.fleet.ssh.world import PASSWORD, SshWorld
from tests.support.builders import machines
from tests.support.client import Client
from tests.support.refusals import refusal
from tests.support.ssh_keys import ed25519_key

PATH = "/api/v1/agents/ssh_usernames/verify_credentials"


@pytest.fixture
def world():
    world = SshWorld()
    world.username("deploy", ed25519_key(1), password=PASSWORD)
    return world


@pytest.fixture
def client(world):
    return Client([routes.routes], world.fleet, key=world.machine.token)


@pytest.mark.parametrize(
    ("presented", "verified"),
    [
        ({"password": PASSWORD}, True),
        ({"password": PASSWORD, "public_key": ""}, True),
        ({"password": PASSWORD, "public_key": None}, True),
        ({"password": "wrong"}, False),
        ({"public_key": ed25519_key(1, "")}, True),
        ({"public_key": ed25519_key(1), "password": ""}, True),
        ({"public_key": ed25519_key(2)}, False),
        ({"public_key": "nonsense"}, False),
        ({"username": "nobody", "password": PASSWORD}, False),
        ({"username": "*", "password": PASSWORD}, False),
        ({"username": "deploy,deploy", "password": PASSWORD}, False),
        ({"username": "\u0000", "password": "\u0000"}, False),
        ({"username": "ä" * 255, "public_key": "ä" * 8192}, False),
    ],
)
def test_ssh_verification_answers_whether_the_credential_is_valid(client, presented, verified):
    answer = client.post(PATH, json={"username": "deploy", **presented})

    assert (answer.status, answer.data) == (200, {"verified": verified, "checked_at": "2026-11-21T10:00:00Z"})


def test_user_name_of_another_node_is_not_verified(world, client):
    (other,) = machines(world, 1)

    answer = client.with_key(other.token).post(PATH, json={"username": "deploy", "password": PASSWORD})
    assert answer.data["verified"] is False


@pytest.mark.parametrize("presented", [{}, {"password": ""}, {"password": None, "public_key": ""}])
def test_ssh_verification_without_a_credential_is_422(world, client, presented):
    answer = client.post(PATH, json={"username": "deploy", **presented})

    assert answer.status == 422
    assert answer.error["details"] == refusal(credential_of, "deploy", None, None).details
    assert world.passwords.checks == world.driver.rows(ATTEMPTS) == []


def test_ssh_verification_with_password_and_key_is_422(client):
    answer = client.post(PATH, json={"username": "deploy", "password": PASSWORD, "public_key": ed25519_key(1)})

    assert answer.status == 422
    assert answer.error["details"] == refusal(credential_of, "deploy", "a", "b").details


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"password": "x"}, {"username": ["Missing field: username"]}),
        ({"username": "", "password": "x"}, {"username": ["String length is smaller than minLength: 1"]}),
        ({"username": "a" * 256, "password": "x"}, {"username": ["String length is larger than maxLength: 255"]}),
        ({"username": "a", "password": "x" * 1025}, {"password": ["String length is larger than maxLength: 1024"]}),
        ({"username": "a", "public_key": "x" * 8193}, {"public_key": ["String length is larger than maxLength: 8192"]}),
        ({"username": "a", "password": 1}, {"password": ["Invalid string. Got: integer"]}),
        ({"username": "a", "node_id": "x"}, {"node_id": ["Unexpected field: node_id"]}),
    ],
)
def test_malformed_ssh_verification_is_400(client, body, details):
    answer = client.post(PATH, json=body)

    assert (answer.status, answer.error["details"]) == (400, details)


def test_ssh_verification_after_too_many_failures_is_429_with_retry_after(world, client):
    for _ in range(10):
        assert client.post(PATH, json={"username": "deploy", "password": "wrong"}).status == 200

    answer = client.post(PATH, json={"username": "deploy", "password": PASSWORD})

    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (429, "rate_limited", "6")
    assert len(world.passwords.checks) == 10


def test_ssh_verification_without_a_node_token_is_401(client):
    body = {"username": "deploy", "password": PASSWORD}

    assert client.post(PATH, json=body, key="master-key").status == 401
    assert client.post(PATH, json=body, key=None).status == 401


def test_presented_password_is_not_logged(world, client):
    client.post(PATH, json={"username": "deploy", "password": PASSWORD})
    client.post(PATH, json={"username": "deploy", "password": PASSWORD * 100})

    assert PASSWORD not in "".join(world.lines.texts)


def test_ssh_verification_body_above_the_limit_is_413(client):
    assert client.post(PATH, body="x" * 100_000, headers={"content-type": "application/json"}).status == 413


class TestSessions:
    """Open sessions, as their agent asks about them."""

    CHECK = "/api/v1/agents/ssh_usernames/check_sessions"

    def session(self, **more):
        fingerprint = parse(ed25519_key(1)).fingerprint
        found = {"id": "7", "username": "deploy", "fingerprint": fingerprint, "checked_at": "2026-11-21T10:00:00Z"}
        return {**found, **more}

    def test_session_without_an_account_is_to_end(self, client):
        sessions = [self.session(), self.session(id="8", username="nobody"), self.session(id="9", fingerprint=None)]

        answer = client.post(self.CHECK, json={"sessions": sessions})
        assert (answer.status, answer.data) == (200, {"ended": ["8"]})

    def test_node_is_told_of_its_own_users_alone(self, world, client):
        (other,) = machines(world, 1)

        answer = client.with_key(other.token).post(self.CHECK, json={"sessions": [self.session()]})
        assert answer.data == {"ended": ["7"]}

    @pytest.mark.parametrize(
        "wrong", [{"fingerprint": "MD5:ab"}, {"checked_at": "yesterday"}, {"username": ""}, {"id": "x" * 65}]
    )
    def test_session_of_another_form_is_400(self, client, wrong):
        assert client.post(self.CHECK, json={"sessions": [self.session(**wrong)]}).status == 400

    def test_more_sessions_than_a_question_may_have_are_400(self, client):
        sessions = [self.session(id=str(number)) for number in range(routes.SESSIONS_MAX + 1)]

        assert client.post(self.CHECK, json={"sessions": sessions}).status == 400

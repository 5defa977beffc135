"""What a node's SSH server is told over HTTP."""

import pytest

from chalicelib.fleet.api.agent import ssh as routes
from chalicelib.fleet.ssh.attempt_store import ATTEMPTS
from chalicelib.fleet.ssh.rules import credential_of
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

    assert (answer.status, answer.data) == (200, {"verified": verified})


def test_user_name_of_another_node_is_not_verified(world, client):
    (other,) = machines(world, 1)

    assert client.with_key(other.token).post(PATH, json={"username": "deploy", "password": PASSWORD}).data == {
        "verified": False
    }


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

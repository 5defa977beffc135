"""What a node's SSH server is told over HTTP."""

import pytest

from chalicelib.fleet.api.agent import ssh as routes
from chalicelib.fleet.ssh.attempt_store import ATTEMPTS
from chalicelib.fleet.ssh.rules import credential_of
from tests.application.fleet.ssh.world import PASSWORD, SshWorld, ed25519_key
from tests.support.builders import machines
from tests.support.client import Client
from tests.support.refusals import refusal

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
def test_an_answer_is_yes_or_no(client, presented, verified):
    answer = client.post(PATH, json={"username": "deploy", **presented})

    assert (answer.status, answer.data) == (200, {"verified": verified})


def test_other_nodes_know_nothing_of_it(world, client):
    (other,) = machines(world, 1)

    assert client.with_key(other.token).post(PATH, json={"username": "deploy", "password": PASSWORD}).data == {
        "verified": False
    }


@pytest.mark.parametrize("presented", [{}, {"password": ""}, {"password": None, "public_key": ""}])
def test_nothing_presented_is_a_422(world, client, presented):
    answer = client.post(PATH, json={"username": "deploy", **presented})

    assert answer.status == 422
    assert answer.error["details"] == refusal(credential_of, "deploy", None, None).details
    assert world.passwords.checks == world.driver.rows(ATTEMPTS) == []


def test_both_presented_is_a_422(client):
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
def test_the_wrong_shape_is_a_400(client, body, details):
    answer = client.post(PATH, json=body)

    assert (answer.status, answer.error["details"]) == (400, details)


def test_too_many_failures_are_a_429_that_says_when(world, client):
    for _ in range(10):
        assert client.post(PATH, json={"username": "deploy", "password": "wrong"}).status == 200

    answer = client.post(PATH, json={"username": "deploy", "password": PASSWORD})

    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (429, "rate_limited", "6")
    assert len(world.passwords.checks) == 10


def test_only_agents_may_ask(client):
    body = {"username": "deploy", "password": PASSWORD}

    assert client.post(PATH, json=body, key="master-key").status == 401
    assert client.post(PATH, json=body, key=None).status == 401


def test_what_is_presented_is_in_no_log(world, client):
    client.post(PATH, json={"username": "deploy", "password": PASSWORD})
    client.post(PATH, json={"username": "deploy", "password": PASSWORD * 100})

    assert PASSWORD not in "".join(world.lines.texts)


def test_a_body_of_a_megabyte_is_not_read(client):
    assert client.post(PATH, body="x" * 100_000, headers={"content-type": "application/json"}).status == 413

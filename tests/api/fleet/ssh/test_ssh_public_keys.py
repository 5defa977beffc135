"""Public keys over HTTP: every documented status."""

import pytest

from chalicelib.fleet.api.operator import ssh_public_keys as routes
from chalicelib.fleet.ssh.keyring import FIELDS
from chalicelib.fleet.ssh.model import KEYS_MAX, SORTABLE_KEYS
from chalicelib.fleet.ssh.rules import too_many_keys
from chalicelib.fleet.ssh.store import KEYS
from chalicelib.kit.errors import BLANK, at_most_bytes, taken
from chalicelib.kit.listing import filter_names
from chalicelib.kit.openssh import INVALID_BASE64, INVALID_FORMAT, OTHER_ALGORITHM, WEAK_RSA
from chalicelib.web.list_query import PAGING
from tests.application.fleet.ssh.world import SshWorld
from tests.support.client import Client
from tests.support.ssh_keys import ecdsa_key, ed25519_key, relabelled, rsa_key

ABSENT = "01936d2c-0000-7000-8000-0123456789ab"
LIST = "/api/v1/ssh_public_keys"
LINE = ed25519_key()
WORDS = "Invalid format. Expected an OpenSSH public key of type ssh-ed25519, ecdsa-sha2-nistp256, -384, -521 or ssh-rsa"


@pytest.fixture
def world():
    return SshWorld()


@pytest.fixture
def owner(world):
    return world.username()


@pytest.fixture
def client(world):
    return Client([routes.routes], world.fleet)


def create(client, owner, name="laptop", line=LINE, **fields):
    body = {"key_name": name, "public_key": line, **fields}
    return client.post(f"/api/v1/ssh_usernames/{owner.id}/ssh_public_keys", json=body)


@pytest.mark.parametrize("line", [ed25519_key(), ecdsa_key(521), rsa_key() + "  a comment\n"])
def test_public_key_is_stored_as_written(client, owner, line):
    answer = create(client, owner, line=line)

    assert answer.status == 201
    assert answer.headers["location"] == f"{LIST}/{answer.data['id']}"
    assert answer.data == {
        "id": answer.data["id"],
        "ssh_username_id": owner.id,
        "key_name": "laptop",
        "public_key": line,
        "fingerprint": answer.data["fingerprint"],
        "inserted_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z",
    }
    assert client.get(answer.headers["location"]).data == answer.data


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"name": ""}, {"key_name": ["String length is smaller than minLength: 1"]}),
        ({"name": "a" * 256}, {"key_name": ["String length is larger than maxLength: 255"]}),
        ({"line": "nonsense"}, {"public_key": [WORDS]}),
        ({"line": "ssh-dss AAAA"}, {"public_key": [WORDS]}),
        ({"line": None}, {"public_key": ["null value where string expected"]}),
        ({"fingerprint": "x"}, {"fingerprint": ["Unexpected field: fingerprint"]}),
    ],
)
def test_malformed_public_key_body_is_400(client, owner, fields, details):
    answer = create(client, owner, **fields)

    assert (answer.status, answer.error["details"]) == (400, details)


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"name": " "}, {"key_name": [BLANK]}),
        ({"line": "ssh-rsa AAAAB"}, {"public_key": [INVALID_BASE64]}),
        ({"line": "ssh-rsa AAAA"}, {"public_key": [INVALID_FORMAT]}),
        ({"line": "ssh-rsa\nAAAA"}, {"public_key": [INVALID_FORMAT]}),
        (
            {"line": relabelled(rsa_key(), "ssh-ed25519")},
            {"public_key": [OTHER_ALGORITHM]},
        ),
        ({"line": rsa_key(2047)}, {"public_key": [WEAK_RSA]}),
        ({"line": ed25519_key(0, "a" * 4096)}, {"public_key": [at_most_bytes(4096)]}),
    ],
)
def test_forbidden_public_key_is_422_and_not_stored(client, world, owner, fields, details):
    answer = create(client, owner, **fields)

    assert (answer.status, answer.error["details"]) == (422, details)
    assert world.driver.rows(KEYS) == []


def test_repeated_public_key_name_is_409(client, owner):
    create(client, owner)

    answer = create(client, owner, line=ecdsa_key())

    assert (answer.status, answer.error["message"]) == (409, taken("key_name").message)


def test_public_key_above_the_limit_is_409(client, world):
    owner = world.username("full", *(ed25519_key(number) for number in range(KEYS_MAX)))

    answer = create(client, owner)

    assert (answer.status, answer.error["message"]) == (409, too_many_keys().message)


def test_public_key_of_an_unknown_user_name_is_404(client, owner):
    answer = client.post(
        f"/api/v1/ssh_usernames/{ABSENT}/ssh_public_keys", json={"key_name": "a", "public_key": ed25519_key()}
    )

    assert answer.status == 404


def test_malformed_id_of_a_public_key_route_is_400(client):
    answers = [
        client.post("/api/v1/ssh_usernames/x/ssh_public_keys", json={}),
        client.get(f"{LIST}/x"),
        client.delete(f"{LIST}/x"),
    ]

    assert [answer.status for answer in answers] == [400] * 3
    assert [list(answer.error["details"]) for answer in answers] == [["ssh_username_id"], ["id"], ["id"]]


def test_public_key_is_deleted_once(client, owner):
    path = create(client, owner).headers["location"]

    assert [client.delete(path).status for _ in range(2)] == [204, 404]
    assert client.get(path).status == 404


def test_public_key_list_filters_and_sorts(client, world, owner):
    create(client, owner, "b", ed25519_key(1, "ann@example.com"))
    create(client, owner, "a", ed25519_key(2, "bob@example.com"))
    create(client, world.username("admin"), "a")
    query = {
        "username": "deploy",
        "ssh_username_id": owner.id,
        "node_id": world.node_id,
        "cluster_name": "north",
        "public_key": "*@example.com",
        "order_by": "key_name",
    }

    answer = client.get(LIST, query=query)

    assert [row["key_name"] for row in answer.data] == ["a", "b"]
    assert client.get(LIST, query={"key_name": "a"}).json["meta"]["pagination"]["total_count"] == 2


def test_public_key_query_offers_exactly_the_known_filters():
    parameters = set(routes.SshPublicKeyListQuery.model_fields) - PAGING

    assert parameters == filter_names(FIELDS)
    assert set(FIELDS) > SORTABLE_KEYS


@pytest.mark.parametrize("query", [{"bogus": 1}, {"ssh_username_id": "x"}, {"node_id": "x"}, {"page_size": 101}])
def test_bad_public_key_list_query_is_400(client, query):
    assert client.get(LIST, query=query).status == 400


def test_public_key_routes_without_an_operator_key_are_401(client):
    assert client.get(LIST, key="wrong").status == 401
    assert client.delete(f"{LIST}/{ABSENT}", key=None).status == 401

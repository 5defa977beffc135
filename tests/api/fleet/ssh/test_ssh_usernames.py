"""SSH user names over HTTP: every documented status."""

import pytest

from chalicelib.fleet.api.operator import ssh_usernames as routes
from chalicelib.fleet.ssh.model import KEYS_MAX, SORTABLE_USERNAMES
from chalicelib.fleet.ssh.service import FIELDS
from chalicelib.fleet.ssh.store import USERNAMES
from chalicelib.kit.errors import BLANK, taken
from chalicelib.kit.listing import filter_names
from chalicelib.kit.openssh import INVALID_FORMAT, WEAK_RSA
from chalicelib.web.list_query import PAGING
from chalicelib.web.validation import NOT_A_UUID
from tests.application.fleet.ssh.world import PASSWORD, SshWorld
from tests.support.client import Client
from tests.support.ssh_keys import ecdsa_key, ed25519_key, rsa_key

ABSENT = "01936d2c-0000-7000-8000-0123456789ab"
LIST = "/api/v1/ssh_usernames"


@pytest.fixture
def world():
    return SshWorld()


@pytest.fixture
def client(world):
    return Client([routes.routes], world.fleet)


def create(client, world, **fields):
    return client.post(f"/api/v1/nodes/{world.node_id}/ssh_usernames", json={"username": "deploy", **fields})


class TestCreate:
    def test_user_name_is_created_with_password_and_keys(self, client, world):
        keys = [{"key_name": "laptop", "public_key": ed25519_key()}, {"key_name": "ci", "public_key": rsa_key()}]

        answer = create(client, world, password=PASSWORD, public_keys=keys)

        assert answer.status == 201
        assert answer.headers["location"] == f"{LIST}/{answer.data['id']}"
        shown = answer.data["public_keys"]
        times = {"inserted_at": "2026-11-21T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z"}
        assert {name: value for name, value in answer.data.items() if name not in {"id", "public_keys"}} == {
            "username": "deploy",
            "has_password": True,
            "node_id": world.node_id,
            "last_verified_at": None,
            **times,
        }
        assert shown[0] == {
            "id": shown[0]["id"],
            "ssh_username_id": answer.data["id"],
            **keys[0],
            "fingerprint": shown[0]["fingerprint"],
            **times,
        }
        assert shown[0]["fingerprint"].startswith("SHA256:")
        assert client.get(answer.headers["location"]).data == answer.data
        assert PASSWORD not in answer.text + "".join(world.lines.texts)

    @pytest.mark.parametrize("fields", [{}, {"password": None, "public_keys": None}, {"public_keys": []}])
    def test_user_name_is_created_without_credentials(self, client, world, fields):
        answer = create(client, world, **fields)

        assert (answer.status, answer.data["has_password"], answer.data["public_keys"]) == (201, False, [])

    def test_user_name_is_created_in_degraded_mode(self, client, world):
        world.fleet.degraded = lambda: True

        assert create(client, world).status == 201

    @pytest.mark.parametrize("name", ["abc", "_ab", "a-_9", "a" * 32])
    def test_valid_user_name_is_accepted(self, client, world, name):
        assert create(client, world, username=name).data["username"] == name

    @pytest.mark.parametrize(
        ("fields", "details"),
        [
            ({"username": "ab"}, {"username": ["String length is smaller than minLength: 3"]}),
            ({"username": "a" * 33}, {"username": ["String length is larger than maxLength: 32"]}),
            (
                {"username": "Root"},
                {"username": ["Invalid format. Expected a-z, 0-9, - and _, first a letter or _"]},
            ),
            (
                {"username": "1abc"},
                {"username": ["Invalid format. Expected a-z, 0-9, - and _, first a letter or _"]},
            ),
            (
                {"username": "root\n"},
                {"username": ["Invalid format. Expected a-z, 0-9, - and _, first a letter or _"]},
            ),
            ({"username": None}, {"username": ["null value where string expected"]}),
            ({"password": "elevenchars"}, {"password": ["String length is smaller than minLength: 12"]}),
            ({"password": "a" * 129}, {"password": ["String length is larger than maxLength: 128"]}),
            ({"password": 123456789012}, {"password": ["Invalid string. Got: integer"]}),
            ({"public_keys": {}}, {"public_keys": ["Invalid array. Got: object"]}),
            ({"public_keys": [{"key_name": "a"}]}, {"public_keys/0/public_key": ["Missing field: public_key"]}),
            (
                {"public_keys": [{"key_name": "a", "public_key": ed25519_key(), "id": "x"}]},
                {"public_keys/0/id": ["Unexpected field: id"]},
            ),
            (
                {"public_keys": [{"key_name": str(n), "public_key": "x"} for n in range(KEYS_MAX + 1)]},
                {"public_keys": ["Array length 51 is larger than maxItems: 50"]},
            ),
            ({"key": 1}, {"key": ["Unexpected field: key"]}),
        ],
    )
    def test_malformed_user_name_is_400_and_creates_nothing(self, client, world, fields, details):
        answer = create(client, world, **fields)

        assert (answer.status, answer.error["details"]) == (400, details)
        assert world.driver.rows(USERNAMES) == []

    def test_missing_user_name_is_400(self, client, world):
        answer = client.post(f"/api/v1/nodes/{world.node_id}/ssh_usernames", json={})

        assert (answer.status, answer.error["details"]) == (400, {"username": ["Missing field: username"]})

    def test_bad_public_keys_are_422_by_name_and_create_nothing(self, client, world):
        keys = [
            {"key_name": "", "public_key": "nonsense"},
            {"key_name": "good", "public_key": ecdsa_key()},
            {"key_name": "weak", "public_key": rsa_key(1024)},
        ]

        answer = create(client, world, public_keys=keys)

        assert (answer.status, answer.error["code"]) == (422, "validation_failed")
        assert answer.error["details"] == {
            "public_keys": [
                f"key 0: key_name {BLANK}",
                f"key 0: public_key {INVALID_FORMAT}",
                f"key 2: public_key {WEAK_RSA}",
            ]
        }
        assert world.driver.rows(USERNAMES) == []

    def test_repeated_key_name_is_409_and_creates_nothing(self, client, world):
        keys = [{"key_name": "a", "public_key": ed25519_key(n)} for n in range(2)]

        answer = create(client, world, public_keys=keys)

        assert (answer.status, answer.error["message"]) == (409, taken("key_name").message)
        assert world.driver.rows(USERNAMES) == []

    def test_second_user_name_of_a_node_is_409(self, client, world):
        create(client, world)

        answer = create(client, world)

        assert (answer.status, answer.error["message"]) == (409, taken("username").message)

    def test_unknown_node_is_404_before_keys_are_checked(self, client):
        body = {"username": "deploy", "public_keys": [{"key_name": "a", "public_key": "nonsense"}]}

        assert client.post(f"/api/v1/nodes/{ABSENT}/ssh_usernames", json=body).status == 404

    def test_malformed_node_id_is_400(self, client):
        answer = client.post("/api/v1/nodes/x/ssh_usernames", json={"username": "deploy"})

        assert (answer.status, answer.error["details"]) == (
            400,
            {"node_id": [NOT_A_UUID]},
        )


class TestOne:
    @pytest.mark.parametrize("method", ["get", "delete"])
    def test_unknown_user_name_id_is_404(self, client, method):
        assert getattr(client, method)(f"{LIST}/{ABSENT}").status == 404

    @pytest.mark.parametrize("method", ["get", "delete"])
    def test_malformed_user_name_id_is_400(self, client, method):
        answer = getattr(client, method)(f"{LIST}/x")

        assert (answer.status, answer.error["details"]) == (
            400,
            {"id": [NOT_A_UUID]},
        )

    def test_user_name_is_deleted_once(self, client, world):
        path = create(client, world).headers["location"]

        assert [client.delete(path.upper().replace("/API/V1/SSH_USERNAMES", LIST)).status for _ in range(2)] == [
            204,
            404,
        ]

    def test_user_name_shows_its_last_verification(self, client, world):
        path = create(client, world, password=PASSWORD).headers["location"]
        world.lets_in("deploy", password=PASSWORD)

        assert client.get(path).data["last_verified_at"] == "2026-11-21T10:00:00Z"


class TestList:
    def test_user_names_are_listed_newest_first_with_keys(self, client, world):
        create(client, world, public_keys=[{"key_name": "a", "public_key": ed25519_key()}])
        world.clock.advance(1)
        create(client, world, username="admin")

        answer = client.get(LIST, query={"page_size": 5})

        assert [(row["username"], len(row["public_keys"])) for row in answer.data] == [("admin", 0), ("deploy", 1)]
        assert answer.json["meta"]["pagination"]["total_count"] == 2

    def test_user_name_list_filters_and_sorts(self, client, world):
        create(client, world)
        create(client, world, username="admin", password=PASSWORD)
        query = {"node_id": world.node_id, "has_password": "true", "cluster_name": "north", "username": "a*"}
        assert [row["username"] for row in client.get(LIST, query=query).data] == ["admin"]
        ordered = client.get(LIST, query={"order_by": "username", "order_directions": "desc"})
        assert [row["username"] for row in ordered.data] == ["deploy", "admin"]

    def test_user_name_query_offers_exactly_the_filters_of_the_context(self):
        parameters = set(routes.SshUsernameListQuery.model_fields) - PAGING

        assert parameters == filter_names(FIELDS)
        assert set(FIELDS) > SORTABLE_USERNAMES

    @pytest.mark.parametrize("query", [{"bogus": 1}, {"node_id": "x"}, {"has_password": "yes"}, {"page": 0}])
    def test_bad_user_name_list_query_is_400(self, client, query):
        assert client.get(LIST, query=query).status == 400

    def test_page_of_user_names_too_large_for_a_response_is_refused(self, client, world):
        keys = [ed25519_key(number, "ä" * 2000) for number in range(KEYS_MAX)]
        for number in range(20):
            world.username(f"user-{number}", *keys)

        answer = client.get(LIST)

        assert (answer.status, list(answer.error["details"])) == (400, ["page_size"])
        fits = answer.error["details"]["page_size"][0].rpartition(" ")[2]
        assert client.get(LIST, query={"page_size": fits}).status == 200


@pytest.mark.parametrize("call", [("GET", LIST), ("GET", f"{LIST}/{ABSENT}"), ("DELETE", f"{LIST}/{ABSENT}")])
def test_user_name_routes_with_a_wrong_key_are_401(client, call):
    method, path = call
    assert getattr(client, method.lower())(path, key="wrong").status == 401

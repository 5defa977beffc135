import pytest

from chalicelib.fleet.api.agent import enrollment
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import BLANK
from chalicelib.web.validation import NOT_A_UUID
from tests.support.client import Client
from tests.support.world import World

VERIFY = "/api/v1/agents/enrollment_keys/verify"
NODE = "11111111-1111-4111-8111-11111111111a"


@pytest.fixture
def world():
    world = World()
    world.fleet.clusters.create("prod", None, None)
    return world


@pytest.fixture
def client(world):
    return Client([enrollment.routes], world.fleet, key=None)


def a_key(world, **fields):
    service = world.fleet.enrollment
    return service.reveal(service.create("prod", fields, reach=EVERYWHERE)).reveal()


def test_valid_enrollment_key_gives_a_registration_token(world, client):
    answer = client.post(VERIFY, json={"key": a_key(world)})

    assert answer.status == 200
    token = answer.data["netmaker_key"]
    assert answer.data == {"verified": True, "error": "", "netmaker_key": token, "network_name": "cluster-prod"}
    assert world.fleet.enrollment.redeem_token(token, NODE).cluster_name == "prod"


def test_invalid_enrollment_key_is_200_with_the_reason(client):
    answer = client.post(VERIFY, json={"key": "nonsense"})

    assert answer.status == 200
    assert answer.data == {"verified": False, "error": "invalid_key", "netmaker_key": "", "network_name": ""}


def test_machine_with_a_node_id_may_verify_again_with_a_used_key(world, client):
    key = a_key(world)

    first = client.post(VERIFY, json={"key": key, "node_id": NODE.upper()})
    again = client.post(VERIFY, json={"key": key, "node_id": NODE})
    other = client.post(VERIFY, json={"key": key, "node_id": None})

    assert [answer.data["verified"] for answer in (first, again, other)] == [True, True, False]
    assert other.data["error"] == "key_spent"


@pytest.mark.parametrize("key", ["", " \n"])
def test_blank_enrollment_key_is_422(client, key):
    answer = client.post(VERIFY, json={"key": key})

    assert (answer.status, answer.error["details"]) == (422, {"key": [BLANK]})


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"key": ["Missing field: key"]}),
        ({"key": 5}, {"key": ["Invalid string. Got: integer"]}),
        (
            {"key": "a", "node_id": "x"},
            {"node_id": [NOT_A_UUID]},
        ),
        ({"key": "a", "other": 1}, {"other": ["Unexpected field: other"]}),
    ],
)
def test_malformed_verification_is_400_and_changes_nothing(world, client, body, details):
    before = world.driver.snapshot()

    answer = client.post(VERIFY, json=body)

    assert (answer.status, answer.error["details"]) == (400, details)
    assert world.driver.snapshot() == before


def test_verification_beyond_the_rate_of_an_address_is_429():
    client = Client([enrollment.routes], World(public_burst=2).fleet, key=None)

    statuses = [client.post(VERIFY, json={"key": "nonsense"}).status for _ in range(3)]

    assert statuses == [200, 200, 429]


def test_verification_works_in_degraded_mode(world, client):
    world.fleet.degraded = lambda: True

    assert client.post(VERIFY, json={"key": a_key(world)}).data["verified"] is True


def test_verification_attempt_becomes_an_event(world, client):
    key = a_key(world, name="rollout")
    for sent in (key, key, "nonsense"):
        client.post(VERIFY, json={"key": sent})

    world.settle(twice=True)

    published = {envelope["id"]: envelope for envelope in world.bus_client.envelopes}
    told = [(one["type"], one["data"]["result"], one["data"]["uses_remaining"]) for one in published.values()]
    assert sorted(told, key=str) == [
        ("edge.enrollment_key.verified", "invalid_key", None),
        ("edge.enrollment_key.verified", "key_spent", 0),
        ("edge.enrollment_key.verified", "verified", 0),
    ]
    assert key not in repr(published)


def test_enrollment_key_and_token_are_not_logged(world, client):
    key = a_key(world)

    token = client.post(VERIFY, json={"key": key}).data["netmaker_key"]

    assert world.lines.texts
    assert key not in "".join(world.lines.texts)
    assert token not in "".join(world.lines.texts)

import base64
import json
import os
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.fleet.api.operator import clusters, enrollment_keys
from chalicelib.fleet.enrollment.store import FIELDS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.listing import filter_names
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.web.list_query import PAGING
from chalicelib.web.spellings import spellings_of
from chalicelib.web.validation import NOT_A_DATE_TIME
from tests.support.client import Client
from tests.support.world import World

ABSENT = "01936d2c-0000-7000-8000-0123456789ab"
KEYS = "/api/v1/enrollment_keys"
OF_PROD = "/api/v1/clusters/prod/enrollment_keys"
OF_DEFAULT = "/api/v1/clusters/default/enrollment_keys"
PUBLIC = "/api/v1/clusters/default/enrollment_keys/public"
CONTRACT_DIR = os.environ.get("EDGE_CONTRACT_DIR", "")


@pytest.fixture
def world():
    world = World()
    world.fleet.clusters.create("prod", None, None)
    return world


def client_of(world, **options):
    return Client([clusters.routes, enrollment_keys.routes], world.fleet, **options)


@pytest.fixture
def client(world):
    return client_of(world)


def create(client, **fields):
    answer = client.post(OF_PROD, json=fields)
    assert answer.status == 201, answer.text
    return answer.data


def test_enrollment_key_is_created_without_a_body(client):
    answer = client.post(OF_PROD)

    assert answer.status == 201
    assert answer.headers["location"] == f"{KEYS}/{answer.data['id']}"
    assert {name: value for name, value in answer.data.items() if name not in {"id", "key"}} == {
        "cluster_name": "prod",
        "labels": {},
        "name": None,
        "uses_remaining": 1,
        "expired_at": None,
        "expires_at": None,
        "last_used_at": None,
        "inserted_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z",
    }
    assert json.loads(base64.b64decode(answer.data["key"]))["admin_urls"] == ["http://api.test"]
    assert client.get(f"{KEYS}/{answer.data['id']}").data == answer.data


def test_enrollment_key_is_created_with_given_fields(client):
    data = create(client, name="a" * 255, uses_remaining="5", expired_at="2026-12-31T23:59:59.9+02:00")

    assert (data["name"], data["uses_remaining"], data["expired_at"]) == ("a" * 255, 5, "2026-12-31T21:59:59Z")


def test_enrollment_key_with_null_uses_is_unlimited_and_empty_name_is_null(client):
    data = create(client, name="", uses_remaining=None, expired_at=None)

    assert (data["name"], data["uses_remaining"], data["expired_at"]) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"name": "a" * 256}, {"name": ["String length is larger than maxLength: 255"]}),
        ({"uses_remaining": 0}, {"uses_remaining": ["0 is smaller than inclusive minimum 1"]}),
        ({"uses_remaining": 2**31}, {"uses_remaining": ["2147483648 is larger than inclusive maximum 2147483647"]}),
        (
            {"expired_at": "2026-12-31"},
            {"expired_at": [NOT_A_DATE_TIME]},
        ),
        (
            {"expired_at": "2026-12-31T00:00:00"},
            {"expired_at": [NOT_A_DATE_TIME]},
        ),
        ({"other": 1}, {"other": ["Unexpected field: other"]}),
    ],
)
@pytest.mark.parametrize("method", ["post", "patch"])
def test_malformed_enrollment_key_is_400(client, method, body, details):
    path = OF_PROD if method == "post" else f"{KEYS}/{create(client)['id']}"

    answer = getattr(client, method)(path, json=body)

    assert (answer.status, answer.error["details"]) == (400, details)


def test_enrollment_key_of_an_unknown_cluster_is_404(client):
    assert client.post("/api/v1/clusters/none/enrollment_keys").status == 404
    assert client.post("/api/v1/clusters/Bad/enrollment_keys").status == 400


def test_enrollment_key_update_distinguishes_null_from_omitted(world, client):
    made = create(client, name="a", uses_remaining=5, expired_at="2027-01-01T00:00:00Z")
    world.clock.advance(60)

    nothing = client.patch(f"{KEYS}/{made['id']}", json={})
    bodiless = client.patch(f"{KEYS}/{made['id']}")
    cleared = client.patch(f"{KEYS}/{made['id']}", json={"uses_remaining": None, "expired_at": None})

    assert nothing.data == bodiless.data == made
    assert cleared.status == 200
    assert (cleared.data["name"], cleared.data["uses_remaining"], cleared.data["expired_at"]) == ("a", None, None)
    assert cleared.data["key"] == made["key"]
    assert cleared.data["updated_at"] == "2026-11-21T10:01:00Z"


def test_deleted_enrollment_key_is_404(client):
    made = create(client)

    assert client.delete(f"{KEYS}/{made['id'].upper()}").status == 204
    for method, options in (("get", {}), ("delete", {}), ("patch", {"json": {"name": "a"}})):
        assert getattr(client, method)(f"{KEYS}/{made['id']}", **options).status == 404


@pytest.mark.parametrize("method", ["get", "delete", "patch"])
@pytest.mark.parametrize(("key_id", "status"), [(ABSENT, 404), ("no-uuid", 400)])
def test_unknown_enrollment_key_id_is_404_and_malformed_is_400(client, method, key_id, status):
    options = {"json": {"name": "a"}} if method == "patch" else {}

    assert getattr(client, method)(f"{KEYS}/{key_id}", **options).status == status


def test_enrollment_key_list_shows_keys_and_filters(world, client):
    first = create(client, name="first", uses_remaining=None)
    world.clock.advance(1)
    second = create(client, name="second")

    def ids(**query):
        return [key["id"] for key in client.get(KEYS, query=query).data]

    assert client.get(KEYS).data == [second, first]
    assert ids(key=first["key"]) == [first["id"]]
    assert ids(key=first["key"][:-4]) == []
    assert ids(cluster_name="prod", is_unlimited="true") == [first["id"]]
    assert ids(cluster_name="pro") == []
    assert ids(is_never_used="false") == []
    assert ids(order_by="name") == [first["id"], second["id"]]
    assert ids(uses_remaining=1, has_name="true", is_spent="false", is_expired="false") == [second["id"]]


@pytest.mark.parametrize(
    "query", [{"uses_remaining": 0}, {"is_spent": "1"}, {"expired_at__gte": "soon"}, {"has_uses": "true"}]
)
def test_unknown_or_bad_key_list_parameter_is_400(client, query):
    answer = client.get(KEYS, query=query)

    assert (answer.status, list(answer.error["details"])) == (400, list(query))


def test_enrollment_key_query_offers_exactly_the_known_filters():
    offered = set(enrollment_keys.EnrollmentKeyListQuery.model_fields) - PAGING
    offered -= set(spellings_of(enrollment_keys.EnrollmentKeyListQuery))

    assert offered == filter_names(FIELDS)


def test_enrollment_key_list_takes_four_calls_at_most_and_a_note_of_its_keys(world, client):
    for _ in range(25):
        create(client)

    client.get(KEYS)

    tables = [call.table for call in world.platform.tables.meter.calls]
    assert tables.count("audit_events") == 1
    assert len(tables) <= 4 + 1


# -- default and public ------------------------------------------------------------------------------------------------


def test_default_and_public_keys_without_a_default_cluster_are_403(client):
    default, public = client.post(OF_DEFAULT), client.post(PUBLIC, key=None)

    assert (default.status, default.error) == (403, {"code": "forbidden", "message": "Forbidden"})
    assert public.status == 403


def test_default_cluster_key_is_created_for_operators_only():
    world = World(default_cluster_name="home")
    client = client_of(world)

    answer = client.post(OF_DEFAULT, json={"uses_remaining": 3})

    assert (answer.status, answer.data["cluster_name"], answer.data["uses_remaining"]) == (201, "home", 3)
    assert answer.headers["location"] == f"{KEYS}/{answer.data['id']}"
    assert client.post(OF_DEFAULT, json={"uses_remaining": 0}).status == 400
    assert client.post(OF_DEFAULT, key=None).status == 401
    assert client.post(PUBLIC, key=None).status == 403


def test_key_of_a_deleted_default_cluster_is_404():
    world = World(default_cluster_name="home", public_enrollment_key_enabled=True)
    client = client_of(world)
    client.post(OF_DEFAULT)
    world.fleet.clusters.delete("home", reach=EVERYWHERE)

    assert client.post(OF_DEFAULT).status == 404
    assert client.post(PUBLIC, key=None).status == 404


@pytest.mark.parametrize("body", [None, "", "not json", '{"uses_remaining":99,"other":1}'])
def test_public_key_is_created_without_authentication_where_enabled(body):
    client = client_of(World(default_cluster_name="home", public_enrollment_key_enabled=True), key=None)

    answer = client.post(PUBLIC, body=body)

    assert answer.status == 201
    assert "location" not in answer.headers
    assert (answer.data["cluster_name"], answer.data["uses_remaining"], answer.data["name"]) == ("home", 1, None)


def test_public_keys_beyond_the_rate_of_an_address_are_429():
    client = client_of(World(default_cluster_name="home", public_enrollment_key_enabled=True, public_burst=3), key=None)

    statuses = [client.post(PUBLIC).status for _ in range(4)]

    assert statuses == [201, 201, 201, 429]
    assert client.post(PUBLIC, address="198.51.100.1").status == 201


# -- who may -----------------------------------------------------------------------------------------------------------

REQUESTS = [
    ("get", KEYS, {}),
    ("get", f"{KEYS}/{ABSENT}", {}),
    ("post", OF_PROD, {}),
    ("patch", f"{KEYS}/{ABSENT}", {"json": {"name": "a"}}),
    ("delete", f"{KEYS}/{ABSENT}", {}),
]


@pytest.mark.parametrize("key", [None, "wrong"])
@pytest.mark.parametrize(("method", "path", "options"), [*REQUESTS, ("post", OF_DEFAULT, {})])
def test_enrollment_key_routes_without_a_valid_key_are_401(client, method, path, options, key):
    assert getattr(client, method)(path, key=key, **options).status == 401


@pytest.mark.parametrize(("method", "path", "options"), [*REQUESTS, ("post", OF_DEFAULT, {}), ("post", PUBLIC, {})])
def test_enrollment_key_writes_in_degraded_mode_are_503(world, client, method, path, options):
    world.fleet.degraded = lambda: True

    answer = getattr(client, method)(path, **options)

    assert answer.status in ({200, 404} if method == "get" else {503})
    assert method == "get" or answer.error["code"] == "degraded_mode"


def test_enrollment_keys_of_a_deleted_cluster_are_removed(world, client):
    for _ in range(3):
        create(client)
    client.delete("/api/v1/clusters/prod")

    world.settle(twice=True)

    assert client.get(KEYS).data == []


@pytest.mark.skipif(not CONTRACT_DIR, reason="EDGE_CONTRACT_DIR names no folder with the contract")
def test_enrollment_key_responses_fit_the_contract():
    components = json.loads((Path(CONTRACT_DIR) / "edge-admin-openapi-v0.2.0.json").read_text())["components"]
    world = World(default_cluster_name="prod", public_enrollment_key_enabled=True)
    client = client_of(world)
    default = client.post(OF_DEFAULT, json={"name": "a"})
    path = f"{KEYS}/{default.data['id']}"
    answers = [
        (default, "EnrollmentKeySingleResponse"),
        (client.post(OF_PROD, json={"uses_remaining": None}), "EnrollmentKeySingleResponse"),
        (client.post(PUBLIC, key=None), "EnrollmentKeySingleResponse"),
        (client.get(path), "EnrollmentKeySingleResponse"),
        (client.patch(path, json={"expired_at": "2027-01-01T00:00:00Z"}), "EnrollmentKeySingleResponse"),
        (client.get(KEYS), "EnrollmentKeyPaginatedResponse"),
        (client.get(KEYS, query={"page": 0}), "BadRequestResponse"),
        (client.get(f"{KEYS}/{ABSENT}"), "NotFoundResponse"),
        (client_of(World()).post(OF_DEFAULT), "ForbiddenResponse"),
    ]

    for answer, schema in answers:
        OAS30Validator({**components["schemas"][schema], "components": components}).validate(answer.json)
    assert [answer.status for answer, _ in answers] == [201, 201, 201, 200, 200, 200, 400, 404, 403]


def test_enrollment_key_name_with_commas_is_found_by_filter(client):
    made = create(client, name="Rack 4, row 2")
    create(client, name="Rack 4, row 20")

    for asked in ("Rack 4, row 2", "Rack 4, row 2,other", "rack 4*2"):
        found = [key["id"] for key in client.get(KEYS, query={"name": asked}).data]
        assert found == ([made["id"]] if asked != "Rack 4, row 2,other" else [])


@pytest.mark.parametrize(
    ("principal", "is_shown"),
    [
        ({"role": KeyRole.ADMIN}, True),
        ({"permissions": ("enrollment_keys:read", "enrollment_keys:write")}, False),
        (
            {"permissions": ("enrollment_keys:read", "enrollment_keys:write", "enrollment_keys:reveal")},
            True,
        ),
    ],
)
def test_key_itself_is_shown_to_callers_that_may_reveal_it(world, client, principal, is_shown):
    caller = client.with_key(world.key_with(**principal))
    made = create(client)
    path = f"{KEYS}/{made['id']}"
    shown = [caller.get(path).data, *caller.get(KEYS).data, caller.patch(path, json={"name": "gate"}).data]
    assert {one["key"] for one in shown} == {made["key"] if is_shown else None}
    assert (create(caller)["key"] is not None) is is_shown


def test_public_key_is_shown_to_anyone():
    world = World(public_enrollment_key_enabled=True, default_cluster_name="main")
    world.fleet.clusters.ensure_default()
    assert client_of(world, key=None).post(PUBLIC).data["key"]

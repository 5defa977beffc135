"""Named keys: made over the API, used in place of the keys of the settings, rotated and revoked."""

import json

import pytest

from chalicelib.fleet.api import API
from chalicelib.fleet.clusters.store import TABLE as CLUSTER_ROWS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import BLANK
from chalicelib.kit.listing import filter_names
from chalicelib.platform.access.rules import IN_THE_PAST, ROLE_OR_PERMISSIONS
from chalicelib.platform.access.store import API_KEYS, FIELDS
from chalicelib.platform.limits.wrong_keys import WRONG_KEYS_BURST
from tests.support.builders import a_cluster
from tests.support.callers import bill_of, operator
from tests.support.client import Client
from tests.support.world import World, fleet_of

KEYS = "/api/v1/api_keys"
CLUSTERS = "/api/v1/clusters"
ABSENT = "01936d2c-0000-7000-8000-0123456789ab"
SECRET = "A" * 43


@pytest.fixture
def world():
    world = World(metrics_key="metrics-key")
    a_cluster(world, "north")
    a_cluster(world, "south")
    return world


@pytest.fixture
def client(world):
    return operator(world)


def create(client, **fields):
    answer = client.post(KEYS, json={"name": "nightly report", "role": "viewer", **fields})
    assert answer.status == 201, answer.text
    return answer.data


def a_list(*names, **fields):
    return {"role": None, "permissions": list(names), **fields}


def another_container(world):
    """The operator's client of another container on the same tables."""
    return Client(API.groups(), fleet_of(world.platform.settings, world))


class TestCreating:
    def test_answer_shows_the_key_and_where_it_is(self, client):
        answer = client.post(KEYS, json={"name": " nightly report ", "role": "viewer"})
        shown = answer.data
        assert answer.status == 201
        assert answer.headers["location"] == f"{KEYS}/{shown['id']}"
        assert shown["key"].startswith(f"edge_{shown['id']}_")
        assert {name: value for name, value in shown.items() if name not in {"id", "key"}} == {
            "name": "nightly report",
            "role": "viewer",
            "permissions": [],
            "clusters": None,
            "outputs": True,
            "requests_per_minute": None,
            "expires_at": None,
            "last_used_at": None,
            "revoked_at": None,
            "previous_secret_until": None,
            "inserted_at": "2026-11-21T10:00:00Z",
            "updated_at": "2026-11-21T10:00:00Z",
        }

    def test_key_is_shown_this_once(self, client, world):
        made = create(client)
        secret = made["key"][42:]
        client.get(CLUSTERS, key=made["key"])
        client.get(CLUSTERS, key=made["key"] + "x")
        world.settle()
        shown = [client.get(f"{KEYS}/{made['id']}").text, client.get(KEYS).text]
        kept = [*shown, *world.lines.texts, str(world.driver.rows(API_KEYS)), str(world.bus_client.entries)]
        assert not [text for text in kept if secret in text or made["key"] in text]

    def test_restriction_holds_ids_of_clusters(self, client, world):
        made = create(client, clusters=["south", "north", "south"])
        ids = {name: world.fleet.clusters.get(name, reach=EVERYWHERE).id for name in ("north", "south")}
        assert made["clusters"] == [{"id": ids["south"], "name": "south"}, {"id": ids["north"], "name": "north"}]
        assert client.get(f"{KEYS}/{made['id']}").data["clusters"] == made["clusters"]

    @pytest.mark.parametrize(
        ("fields", "status", "details"),
        [
            ({"role": None}, 422, {"role": [ROLE_OR_PERMISSIONS]}),
            (
                {"permissions": ["nodes:read"]},
                422,
                {"role": [ROLE_OR_PERMISSIONS]},
            ),
            ({"clusters": ["north", "west", "east"]}, 422, {"clusters": ["not found: west, east"]}),
            ({"expires_at": "2026-11-21T10:00:00Z"}, 422, {"expires_at": [IN_THE_PAST]}),
            ({"name": "  "}, 422, {"name": [BLANK]}),
            ({"clusters": []}, 400, None),
            ({"role": "root"}, 400, {"role": ['Invalid value for enum: "root". Allowed: viewer, operator or admin']}),
            ({"requests_per_minute": 0}, 400, None),
            ({"tenant": "other"}, 400, None),
        ],
    )
    def test_invalid_request_is_refused_and_makes_nothing(self, client, world, fields, status, details):
        answer = client.post(KEYS, json={"name": "n", "role": "viewer", **fields})
        assert answer.status == status, answer.text
        assert details is None or answer.error["details"] == details
        assert world.driver.rows(API_KEYS) == []

    def test_unknown_permission_is_refused_with_those_that_exist(self, client, world):
        answer = client.post(KEYS, json={"name": "n", "permissions": ["nodes:raed", "nodes:read"]})
        (text,) = answer.error["details"]["permissions"]
        assert answer.status == 422
        assert text.startswith("unknown: nodes:raed. Allowed: ")
        assert "admins:read, " in text
        assert "nodes:read, " in text
        assert world.driver.rows(API_KEYS) == []

    def test_every_filter_of_the_listing_is_a_parameter(self, client):
        assert client.get(KEYS, query={"nonsense": "1"}).status == 400
        for name in filter_names(FIELDS):
            value = "viewer" if name == "role" else "2026-11-21" if "__" in name else "true"
            assert client.get(KEYS, query={name: value}).status == 200


class TestUsing:
    def test_key_works_on_routes_of_operators_and_of_metrics_by_permission(self, client):
        viewer, lister = create(client)["key"], create(client, **a_list("metrics:read"))["key"]
        paths = (CLUSTERS, "/api/v1/admins/me/metrics/raw")
        assert [client.get(path, key=viewer).status for path in paths] == [200, 200]
        assert [client.get(path, key=lister).status for path in paths] == [403, 200]

    def test_key_counts_as_its_actor_in_the_row_and_in_the_log(self, client, world):
        made = create(client, role="admin")
        client.post(CLUSTERS, key=made["key"], json={"name": "west"})
        row = next(row for row in world.driver.rows(CLUSTER_ROWS) if row.get("name") == "west")
        assert row["changed_by"]["actor"] == f"key:{made['id']}"
        assert json.loads(world.lines.texts[-1])["actor"] == f"key:{made['id']}"

    def test_named_keys_cost_one_read_and_a_write_a_minute(self, client, world):
        key = create(client)["key"]
        client.get(CLUSTERS, key=key)
        bill = bill_of(world)
        for _ in range(5):
            client.get("/api/v1/event_types", key=key)
            world.clock.advance(11)
        reads = [call.operation for call in bill.all]
        assert reads == ["GetItem"] * 5
        world.clock.advance(5)
        client.get("/api/v1/event_types", key=key)
        assert [call.operation for call in bill.all[5:]] == ["GetItem", "UpdateItem"]

    def test_root_keys_read_no_row(self, client, world):
        bill = bill_of(world)
        assert client.get("/api/v1/event_types").status == 200
        assert bill.all == []

    def test_failed_note_of_the_use_does_not_fail_the_request(self, client, world):
        made = create(client)
        world.driver.fail_next(1, "throttle", operation="UpdateItem")
        assert client.get("/api/v1/event_types", key=made["key"]).status == 200
        assert client.get(f"{KEYS}/{made['id']}").data["last_used_at"] is None
        assert "api_key_use_not_noted" in "".join(world.lines.texts)
        assert world.clock.pauses == []


class TestRefusing:
    def test_wrong_id_and_wrong_secret_get_the_same_answer(self, client):
        made = create(client)
        wrong = [f"edge_{made['id']}_{SECRET}", f"edge_{ABSENT}_{SECRET}", f"edge_{ABSENT}_{made['key'][42:]}"]
        answers = [client.get(CLUSTERS, key=key) for key in (*wrong, "no-key-at-all")]
        assert {(one.status, json.dumps(one.error), one.headers["www-authenticate"]) for one in answers} == {
            (401, '{"code": "unauthorized", "message": "Unauthorized"}', "Bearer")
        }

    def test_row_under_another_id_does_not_lend_its_secret(self, client, world):
        made, other = create(client), create(client, role="admin")
        rows = {str(row["id"]): row for row in world.driver.rows(API_KEYS)}
        for name in ("secret_hash", "hash_key_sealed"):
            rows[other["id"]][name] = rows[made["id"]][name]
        world.driver.load(API_KEYS, [rows[other["id"]]])
        assert client.get(CLUSTERS, key=f"edge_{other['id']}_{made['key'][42:]}").status == 401
        assert "api_key_unreadable" in "".join(world.lines.texts)

    def test_expired_key_is_refused(self, client, world):
        key = create(client, expires_at="2026-11-21T10:01:00Z")["key"]
        assert client.get(CLUSTERS, key=key).status == 200
        world.clock.advance(60)
        assert client.get(CLUSTERS, key=key).status == 401

    def test_wrong_keys_of_an_address_are_not_looked_up_without_end(self, client, world):
        wrong = f"edge_{ABSENT}_{SECRET}"
        statuses = [client.get(CLUSTERS, key=wrong).status for _ in range(WRONG_KEYS_BURST)]
        bill = bill_of(world)
        refused = client.get(CLUSTERS, key=wrong)
        assert (set(statuses), refused.status) == ({401}, 429)
        assert int(refused.headers["retry-after"]) >= 1
        assert bill.all == []
        world.clock.advance(1)
        assert client.get(CLUSTERS, key=wrong).status == 401

    def test_known_key_is_answered_at_an_address_that_offers_wrong_ones(self, client, world):
        known, fresh = create(client)["key"], create(client)["key"]
        assert client.get(CLUSTERS, key=known).status == 200
        for _ in range(WRONG_KEYS_BURST + 1):
            client.get(CLUSTERS, key="wrong")
        assert client.get(CLUSTERS, key=known).status == 200
        assert client.get(CLUSTERS, key=fresh).status == 429
        assert client.get(CLUSTERS, key=fresh, address="203.0.113.9").status == 200

    def test_revoked_key_is_counted_as_a_wrong_one(self, client, world):
        made = create(client)
        client.get(CLUSTERS, key=made["key"])
        client.delete(f"{KEYS}/{made['id']}")
        statuses = [client.get(CLUSTERS, key=made["key"]).status for _ in range(WRONG_KEYS_BURST + 1)]
        assert statuses == [401] * WRONG_KEYS_BURST + [429]


class TestGranting:
    @pytest.mark.parametrize(
        ("maker", "fields"),
        [
            (a_list("api_keys:write", "nodes:read"), {"role": "viewer"}),
            (a_list("api_keys:write", "nodes:read"), a_list("nodes:read", "nodes:write")),
            ({"role": "admin", "outputs": False}, {"role": "viewer"}),
            ({"role": "admin", "requests_per_minute": 5}, {"role": "viewer"}),
            ({"role": "admin", "expires_at": "2026-12-01T00:00:00Z"}, {"role": "viewer"}),
        ],
    )
    def test_key_cannot_make_a_key_with_more_than_it_has(self, client, world, maker, fields):
        key = create(client, **maker)["key"]
        before = len(world.driver.rows(API_KEYS))
        answer = client.post(KEYS, key=key, json={"name": "n", **fields})
        assert answer.status == 403, answer.text
        assert answer.error["message"].startswith("A key can only give what it has itself")
        assert len(world.driver.rows(API_KEYS)) == before

    def test_key_makes_keys_with_what_it_has(self, client):
        admin = create(client, role="admin")["key"]
        lister = client.post(KEYS, key=admin, json={"name": "n", "permissions": ["api_keys:write", "nodes:read"]})
        child = client.post(KEYS, key=lister.data["key"], json={"name": "c", "permissions": ["nodes:read"]})
        assert (lister.status, child.status) == (201, 201)
        assert client.get("/api/v1/nodes", key=child.data["key"]).status == 200

    @pytest.mark.parametrize("role", ["viewer", "operator"])
    def test_lower_roles_do_not_manage_keys(self, client, role):
        made = create(client, role=role)
        path = f"{KEYS}/{made['id']}"
        calls = [
            ("GET", KEYS, {}),
            ("GET", path, {}),
            ("POST", KEYS, {"json": {"name": "n", "role": "viewer"}}),
            ("PATCH", path, {"json": {"name": "n"}}),
            ("POST", f"{path}/rotate", {}),
            ("DELETE", path, {}),
        ]
        assert [client.request(*call, key=made["key"], **options).status for *call, options in calls] == [403] * 6

    def test_key_restricted_to_clusters_does_not_manage_keys(self, client):
        made = create(client, role="admin", clusters=["north"])
        answer = client.get(KEYS, key=made["key"])
        assert (answer.status, answer.error["message"]) == (403, "A key restricted to clusters cannot do this")

    def test_key_cannot_rotate_or_extend_one_with_more_than_it_has(self, client):
        admin = create(client, role="admin", expires_at="2027-01-01T00:00:00Z")
        lesser = create(client, **a_list("api_keys:write"))["key"]
        path = f"{KEYS}/{admin['id']}"
        assert client.post(f"{path}/rotate", key=lesser).status == 403
        assert client.patch(path, key=lesser, json={"expires_at": None}).status == 403
        assert client.patch(path, key=lesser, json={"name": "renamed"}).status == 200
        assert client.get(CLUSTERS, key=admin["key"]).status == 200

    def test_key_cannot_extend_itself(self, client):
        made = create(client, role="admin", expires_at="2026-12-01T00:00:00Z")
        path = f"{KEYS}/{made['id']}"
        assert client.patch(path, key=made["key"], json={"expires_at": "2027-01-01T00:00:00Z"}).status == 403
        assert client.patch(path, key=made["key"], json={"expires_at": "2026-11-30T00:00:00Z"}).status == 200


class TestChanging:
    def test_name_and_expiry_change_and_null_clears_the_expiry(self, client):
        made = create(client, expires_at="2026-12-01T00:00:00Z")
        path = f"{KEYS}/{made['id']}"
        assert client.patch(path, json={"name": "weekly"}).data["expires_at"] == "2026-12-01T00:00:00Z"
        changed = client.patch(path, json={"expires_at": None}).data
        assert (changed["name"], changed["expires_at"]) == ("weekly", None)
        assert client.patch(path, json={}).data == changed
        assert client.get(CLUSTERS, key=made["key"]).status == 200

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"name": None}, 422),
            ({"name": " "}, 422),
            ({"expires_at": "2026-11-21T09:00:00Z"}, 422),
            ({"role": "admin"}, 400),
        ],
    )
    def test_invalid_change_is_refused(self, client, fields, status):
        made = create(client)
        assert client.patch(f"{KEYS}/{made['id']}", json=fields).status == status
        assert client.get(f"{KEYS}/{made['id']}").data == {name: made[name] for name in made if name != "key"}

    def test_absent_key_is_not_found(self, client):
        path = f"{KEYS}/{ABSENT}"
        answers = [
            client.get(path),
            client.patch(path, json={"name": "n"}),
            client.post(f"{path}/rotate"),
            client.delete(path),
        ]
        assert [answer.status for answer in answers] == [404] * 4


class TestRotating:
    def test_both_secrets_are_accepted_until_the_overlap_ends(self, client, world):
        made = create(client)
        rotated = client.post(f"{KEYS}/{made['id']}/rotate", json={"overlap_seconds": 3600}).data
        assert rotated["previous_secret_until"] == "2026-11-21T11:00:00Z"
        assert rotated["key"] != made["key"]
        both = [made["key"], rotated["key"]]
        world.clock.advance(3599)
        assert [client.get(CLUSTERS, key=key).status for key in both] == [200, 200]
        world.clock.advance(1)
        assert [client.get(CLUSTERS, key=key).status for key in both] == [401, 200]
        assert client.get(f"{KEYS}/{made['id']}").data["previous_secret_until"] is None

    def test_rotation_without_an_overlap_ends_all_old_secrets_at_once(self, client):
        made = create(client)
        path = f"{KEYS}/{made['id']}/rotate"
        second = client.post(path).data["key"]
        third = client.post(path, json={"overlap_seconds": 0}).data["key"]
        assert [client.get(CLUSTERS, key=key).status for key in (made["key"], second, third)] == [401, 401, 200]

    def test_two_rotations_at_once_give_two_keys_that_work(self, client, world):
        made = create(client)
        path = f"{KEYS}/{made['id']}/rotate"
        inner = []
        world.driver.before_next(lambda: inner.append(client.post(path).data["key"]), operation="UpdateItem")
        outer = client.post(path).data["key"]
        keys = [made["key"], *inner, outer]
        assert len(set(keys)) == 3
        assert [client.get(CLUSTERS, key=key).status for key in keys] == [200, 200, 200]

    def test_key_with_too_many_secrets_is_a_conflict(self, client):
        made = create(client)
        path = f"{KEYS}/{made['id']}/rotate"
        assert [client.post(path).status for _ in range(6)] == [200] * 5 + [409]
        assert client.post(path, json={"overlap_seconds": 0}).status == 200

    def test_revoked_and_expired_keys_are_not_rotated(self, client, world):
        revoked, expired = create(client), create(client, expires_at="2026-11-21T10:00:01Z")
        client.delete(f"{KEYS}/{revoked['id']}")
        world.clock.advance(1)
        answers = [client.post(f"{KEYS}/{made['id']}/rotate") for made in (revoked, expired)]
        assert [answer.status for answer in answers] == [409, 409]
        assert [answer.error["message"] for answer in answers] == [
            "the key was revoked at 2026-11-21T10:00:00Z",
            "the key expired at 2026-11-21T10:00:01Z: change its expiry first",
        ]

    def test_key_revoked_during_its_rotation_stays_revoked(self, client, world):
        made = create(client)
        world.driver.before_next(lambda: client.delete(f"{KEYS}/{made['id']}"), operation="UpdateItem")
        assert client.post(f"{KEYS}/{made['id']}/rotate").status == 409
        assert client.get(CLUSTERS, key=made["key"]).status == 401


class TestRevoking:
    def test_revoked_key_is_refused_by_the_next_request_in_every_container(self, client, world):
        other = another_container(world)
        made = create(client)
        assert [one.get(CLUSTERS, key=made["key"]).status for one in (client, other)] == [200, 200]
        assert other.delete(f"{KEYS}/{made['id']}").status == 204
        assert [one.get(CLUSTERS, key=made["key"]).status for one in (client, other)] == [401, 401]

    def test_revoked_key_stays_in_the_list_and_takes_no_change(self, client, world):
        made = create(client)
        path = f"{KEYS}/{made['id']}"
        assert client.delete(path).status == 204
        world.clock.advance(5)
        assert client.delete(path).status == 204
        shown = client.get(path).data
        assert shown["revoked_at"] == "2026-11-21T10:00:00Z"
        assert client.get(KEYS, query={"is_revoked": "true"}).data == [shown]
        assert client.get(KEYS, query={"is_revoked": "false"}).data == []
        assert client.patch(path, json={"name": "n"}).status == 409

    def test_key_revoked_while_its_use_is_noted_stays_revoked(self, client, world):
        made = create(client)
        world.driver.before_next(lambda: client.delete(f"{KEYS}/{made['id']}"), operation="UpdateItem")
        assert client.get(CLUSTERS, key=made["key"]).status == 200
        assert client.get(CLUSTERS, key=made["key"]).status == 401


def test_keys_live_on_after_a_change_of_the_data_key(client, world):
    made = create(client)
    world.platform.sealer.keys.rotate()
    old = world.driver.rows(API_KEYS)[0]["hash_key_sealed"][:16]
    assert world.platform.resealing.reseal("api_keys", [made["id"]]) == 1
    world.platform.sealer.keys.forget(old)
    fresh = another_container(world)
    assert fresh.get(CLUSTERS, key=made["key"]).status == 200

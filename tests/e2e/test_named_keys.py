"""The life of a named key, by real functions on real tables."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from infra.local.cloud import LocalCloud
from tests.e2e.api import Api

KEYS = "/api/v1/api_keys"


@contextmanager
def holder_of(cloud: LocalCloud, key: str) -> Iterator[Api]:
    with closing(Api(cloud.url, key)) as api:
        yield api


def test_named_key_is_used_rotated_and_refused_once_it_is_revoked(cloud):
    with closing(Api(cloud.url, cloud.master_key)) as root:
        made = root.call("POST", KEYS, {"name": "dashboard", "role": "viewer"}, Idempotency_Key="dashboard-1")
        assert made.status == 201, made.text
        path = f"{KEYS}/{made.data['id']}"
        with holder_of(cloud, made.data["key"]) as first:
            assert first.get("/api/v1/nodes").status == 200
            refused = first.call("POST", "/api/v1/clusters", {"name": "not-mine"})
            assert (refused.status, refused.code) == (403, "forbidden")
            rotated = root.call("POST", f"{path}/rotate")
            assert rotated.status == 200, rotated.text
            with holder_of(cloud, rotated.data["key"]) as second:
                assert [api.get("/api/v1/nodes").status for api in (first, second)] == [200, 200]
                shown = next(key for key in root.items(KEYS) if key["id"] == made.data["id"])
                assert shown["last_used_at"] is not None
                assert "key" not in shown
                assert root.call("PATCH", path, {"name": "dashboard of the hall"}).status == 200
                assert root.call("DELETE", path).status == 204
                assert [api.get("/api/v1/nodes").status for api in (first, second)] == [401, 401]

"""The limit of a named key, by real functions on real tables."""

from contextlib import closing

from tests.e2e.api import Api

PATH = "/api/v1/nodes"
PER_MINUTE = 5


def test_key_above_its_limit_is_refused_with_the_time_to_wait(cloud):
    with closing(Api(cloud.url, cloud.master_key)) as root:
        made = root.call(
            "POST", "/api/v1/api_keys", {"name": "limited", "role": "viewer", "requests_per_minute": PER_MINUTE}
        )
        assert made.status == 201, made.text
        with closing(Api(cloud.url, made.data["key"])) as limited:
            first = limited.get(PATH)
            answers = [limited.get(PATH) for _ in range(4 * PER_MINUTE)]

        assert first.status == 200
        assert first.headers["ratelimit-policy"] == f'"key";q={PER_MINUTE};w=60'
        refused = [answer for answer in answers if answer.status == 429]
        assert refused
        assert {answer.status for answer in answers} <= {200, 429}
        assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
        assert root.get(PATH).status == 200
        assert root.call("DELETE", f"/api/v1/api_keys/{made.data['id']}").status in {200, 204}

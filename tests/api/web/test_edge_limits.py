"""The limits of requests over HTTP: what is counted, refused and told."""

import re
from dataclasses import replace

import pytest

from chalicelib.kit.errors import rate_limited
from chalicelib.kit.tables import Tables
from chalicelib.platform.limits.store import LIMITS
from chalicelib.web.headers import LIMIT_HEADERS
from tests.support.client import API_KEY, Client, edge_services, settings
from tests.support.edge_routes import Agents, Things, routes
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

ITEM = re.compile(r'"key";r=(\d+);t=(\d+)')


class SmallKeys:
    """Identities whose principals have so many requests a minute of their own."""

    def __init__(self, identities, per_minute):
        self._identities = identities
        self._per_minute = per_minute

    def identify(self, *presented, **further):
        return replace(self._identities.identify(*presented, **further), requests_per_minute=self._per_minute)


def client(own_limit=None, **values):
    clock = FakeClock()
    driver = FakeDynamo([LIMITS], clock)
    services = edge_services(
        things=Things(),
        nodes=Agents(),
        settings=settings(**values),
        clock=clock,
        driver=driver,
        tables=Tables(driver, clock, FakeIds()),
    )
    if own_limit is not None:
        identities = services.identities
        services = LimitedServices(services, SmallKeys(identities, own_limit))
    return Client([routes], services)


class LimitedServices:
    """Those services with other identities."""

    def __init__(self, services, identities):
        self._services = services
        self.identities = identities

    def __getattr__(self, name):
        return getattr(self._services, name)

    @property
    def platform(self):
        return self


def writes(caller):
    """The calls to DynamoDB of the last request."""
    return caller.services.tables.meter.count


def told(answer):
    return {name: value for name, value in answer.headers.items() if "ratelimit" in name}


class TestHeaders:
    def test_answer_tells_limit_and_what_is_left(self):
        assert told(client(own_limit=6).get("/things")) == {
            "ratelimit": '"key";r=5;t=10',
            "ratelimit-policy": '"key";q=6;w=60',
            "x-ratelimit-limit": "6",
            "x-ratelimit-remaining": "5",
            "x-ratelimit-reset": "10",
        }

    def test_default_limit_is_a_thousand_a_second(self):
        answer = client().get("/things")

        assert answer.headers["ratelimit-policy"] == '"key";q=60000;w=60'
        assert answer.headers["x-ratelimit-limit"] == answer.headers["x-ratelimit-remaining"] == "60000"

    @pytest.mark.parametrize(
        ("path", "status"), [("/things?bad=1", 400), ("/things", 200)], ids=["refused later", "answered"]
    )
    def test_limit_is_told_with_refusals_as_well(self, path, status):
        answer = client(own_limit=6).get(path)

        assert answer.status == status
        assert ITEM.fullmatch(answer.headers["ratelimit"])
        assert {*told(answer)} == {*LIMIT_HEADERS}

    def test_public_route_tells_the_limit_of_the_address(self):
        answer = client(public_rate_per_second=2, public_burst=10).post("/public", json={"name": "a"}, key=None)

        assert answer.headers["ratelimit"] == '"address";r=9;t=1'
        assert answer.headers["ratelimit-policy"] == '"address";q=10;w=5'

    @pytest.mark.parametrize("key", ["wrong", None])
    def test_caller_without_a_right_key_is_told_of_no_limit(self, key):
        assert told(client().get("/things", key=key)) == {}

    def test_agents_have_no_limit(self):
        caller = client(key_requests_per_minute=1)
        answers = [caller.post("/agent/result", json={"name": "a"}, key="node-token") for _ in range(20)]

        assert {answer.status for answer in answers} == {200}
        assert told(answers[-1]) == {}
        assert writes(caller) == 0


class TestRefusal:
    def test_request_above_the_limit_is_429_and_says_when_to_come_again(self):
        caller = client(own_limit=3)
        assert [caller.get("/things").status for _ in range(4)] == [200, 200, 200, 429]
        refused = caller.get("/things")

        assert refused.error == {"code": "rate_limited", "message": rate_limited(20).message}
        assert refused.headers["retry-after"] == "20"
        assert (refused.headers["ratelimit"], refused.headers["x-ratelimit-remaining"]) == ('"key";r=0;t=60', "0")
        assert len(caller.services.things.seen) == 3
        caller.services.clock.advance(20)
        assert caller.get("/things").status == 200

    def test_limit_of_the_settings_holds_for_root_keys(self):
        caller = client(key_requests_per_minute=2)

        assert [caller.get("/things").status for _ in range(3)] == [200, 200, 429]

    def test_limit_of_a_key_comes_before_that_of_the_settings(self):
        caller = client(own_limit=4, key_requests_per_minute=1)

        assert [caller.get("/things").status for _ in range(5)] == [200] * 4 + [429]

    def test_keys_do_not_use_up_each_others_limits(self):
        caller = client(key_requests_per_minute=1)

        assert [caller.get("/things", key=key).status for key in (None, API_KEY, "master-key", API_KEY)] == [
            *(401, 200, 200, 429)
        ]

    def test_limit_comes_before_the_shape_of_a_request(self):
        caller = client(own_limit=1)
        caller.get("/things")

        assert caller.get("/things?bad=1").status == 429

    def test_setting_of_zero_means_no_limit(self):
        caller = client(key_requests_per_minute=0)
        answers = [caller.get("/things") for _ in range(300)]

        assert {answer.status for answer in answers} == {200}
        assert told(answers[0]) == {}

    def test_callers_are_not_limited_where_authentication_is_turned_off(self):
        caller = client(auth_enabled=False, key_requests_per_minute=1)

        assert {caller.get("/things", key=None).status for _ in range(5)} == {200}


class TestCost:
    def test_root_key_writes_nothing_up_to_ten_requests_a_second(self):
        caller = client()
        counted = [caller.get("/things") and writes(caller) for _ in range(10)]

        assert counted == [0] * 10

    def test_block_of_a_hundred_is_one_write(self):
        caller = client()
        counted = [caller.get("/things") and writes(caller) for _ in range(210)]

        assert counted == [*[0] * 10, 1, *[0] * 99, 1, *[0] * 99]

    def test_request_of_an_exact_limit_is_one_write(self):
        caller = client(own_limit=50)
        counted = [caller.get("/things") and writes(caller) for _ in range(5)]

        assert counted == [1] * 5

    def test_row_holds_the_actor_and_no_key(self):
        caller = client(own_limit=50)
        caller.get("/things")
        (row,) = caller.services.driver.rows(LIMITS)

        assert row["subject"] == "MASTER_KEY"
        assert "master-key" not in str(row)


def test_request_is_answered_while_the_table_of_limits_cannot_be_reached():
    caller = client(own_limit=50)
    caller.services.driver.fail_next(100_000, "throttle", table=LIMITS)

    assert caller.get("/things").status == 200
    assert [line["event"] for line in caller.services.lines.records] == ["limit_unavailable", "request"]

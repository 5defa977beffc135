"""The audit log over HTTP: lists, filters and exports."""

import json

import pytest

from chalicelib.fleet.api.operator.audit_events import EXPORTED, NDJSON, AuditListQuery
from chalicelib.kit.listing import filter_names
from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.tables import ActedOn
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.audit.store import FIELDS, KEPT
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from chalicelib.web.list_query import PAGING
from tests.support.callers import operator
from tests.support.world import World

LOG = "/api/v1/audit_events"
CLUSTERS = "/api/v1/clusters"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    return operator(world)


def make(client, world, *names):
    for name in names:
        answer = client.post(CLUSTERS, json={"name": name})
        assert answer.status == 201, answer.text
        world.clock.advance(1)
    world.settle()


def listed(client, **query):
    answer = client.get(LOG, query=query)
    assert answer.status == 200, answer.text
    return answer.data


def exported(client, path=LOG):
    """One page of an export: its events, and where the next is."""
    answer = client.get(path, headers={"Accept": NDJSON})
    assert (answer.status, answer.headers["content-type"]) == (200, NDJSON), answer.text
    link = answer.headers.get("link")
    following = None if link is None else LOG + link.removeprefix("<").removesuffix('>; rel="next"')
    return [json.loads(line) for line in answer.text.splitlines()], following


def note_each(world, things):
    """An event for each thing, of as many requests as it takes."""
    for start in range(0, len(things), 100):
        with working_for(Origin(world.ids.uuid7(world.clock.now()), "key:a-key", "203.0.113.7", verb="a.b")):
            world.platform.audit.note(*things[start : start + 100])
        world.clock.advance(0.5)


class TestListing:
    def test_event_tells_principal_address_operation_thing_outcome_and_request(self, client, world):
        answer = client.post(CLUSTERS, json={"name": "north"}, headers={"X-Forwarded-For": "198.51.100.1"})
        world.settle()
        (event,) = listed(client)
        assert event == {
            "id": event["id"],
            "inserted_at": answer.data["inserted_at"],
            "principal": {"kind": "root", "id": "MASTER_KEY", "name": "MASTER_KEY"},
            "address": "203.0.113.7",
            "operation": "cluster.create",
            "thing": {"kind": "cluster", "id": answer.data["id"], "name": "north"},
            "outcome": "done",
            "request_id": answer.headers["x-request-id"],
            "tenant": None,
        }

    def test_events_are_listed_newest_first_page_by_page(self, client, world):
        make(client, world, "one", "two", "three")
        names = [event["thing"]["name"] for page in (1, 2) for event in listed(client, page=page, page_size=2)]
        assert names == ["three", "two", "one"]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"thing_name": "two"}, ["two"]),
            ({"operation": "cluster.*"}, ["two", "one"]),
            ({"operation": "node.*"}, []),
            ({"principal_id": "MASTER_KEY"}, ["two", "one"]),
            ({"principal_id": "API_KEY"}, []),
            ({"principal_kind": "key"}, []),
            ({"outcome": "refused"}, []),
            ({"outcome": "done", "thing_kind": "cluster"}, ["two", "one"]),
            ({"address": "203.0.113.7"}, ["two", "one"]),
            ({"inserted_at__gte": "2999-01-01"}, []),
        ],
        ids=str,
    )
    def test_filters_leave_the_events_that_match(self, client, world, query, names):
        make(client, world, "one", "two")
        assert [event["thing"]["name"] for event in listed(client, **query)] == names

    @pytest.mark.parametrize("by", ["request_id", "thing_id"])
    def test_events_of_one_request_and_of_one_thing_are_found_by_an_index(self, client, world, by):
        make(client, world, "one", "two")
        event = listed(client)[0]
        wanted = {"request_id": event["request_id"], "thing_id": event["thing"]["id"]}[by]
        assert listed(client, **{by: wanted}) == [event]
        world.driver.meter.reset()
        client.get(LOG, query={by: wanted})
        assert world.driver.meter.count <= 4

    def test_every_field_of_the_list_is_a_parameter(self):
        assert set(AuditListQuery.model_fields) - PAGING == filter_names(FIELDS)

    def test_removed_thing_keeps_its_name_in_the_log(self, client, world):
        make(client, world, "north")
        assert client.delete(f"{CLUSTERS}/north").status == 204
        event = listed(client)[0]
        assert (event["operation"], event["thing"]["name"]) == ("cluster.delete", "north")

    def test_event_expires_after_four_hundred_days(self, client, world):
        make(client, world, "north")
        (row,) = world.driver.rows(AUDIT_EVENTS)
        assert KEPT.days == 400
        assert 0 <= row["expires_epoch"] - world.clock.now().timestamp() - (KEPT.total_seconds() - 1) <= 1

    def test_log_is_for_admins_without_a_restriction(self, client, world):
        assert client.get(LOG, key=world.key_with(role=KeyRole.ADMIN)).status == 200
        restricted = world.key_with(role=KeyRole.ADMIN, restrictions={"clusters": ["an-id"]})
        for refused in (world.key_with(role=KeyRole.OPERATOR), restricted):
            assert client.get(LOG, key=refused, checked=False).status == 403


class TestExporting:
    def test_export_has_the_same_events_as_the_list_one_a_line(self, client, world):
        make(client, world, "one", "two")
        assert exported(client) == (listed(client), None)

    def test_export_of_a_long_log_has_every_event_once(self, client, world):
        things = [ActedOn("cluster", f"cluster-{number}") for number in range(EXPORTED * 2 + 7)]
        note_each(world, things)
        found, path, pages = [], LOG, 0
        while path is not None:
            events, path = exported(client, path)
            found += events
            pages += 1
            assert len(events) <= EXPORTED
        assert pages >= 3
        assert [event["id"] for event in found] == sorted((event["id"] for event in found), reverse=True)
        assert {event["thing"]["id"] for event in found} == {thing.id for thing in things}
        assert len(found) == len(things)

    def test_link_of_an_export_keeps_its_filters(self, client, world):
        note_each(world, [ActedOn("cluster", f"cluster-{number}") for number in range(EXPORTED * 2)])
        _, following = exported(client, f"{LOG}?thing_kind=cluster&operation=a%2A")
        assert "thing_kind=cluster" in following
        assert "operation=a%2A" in following

    @pytest.mark.parametrize("name", ["page", "page_size", "order_by", "order_directions"])
    def test_export_with_a_page_or_an_order_is_refused(self, client, name):
        values = {"order_by": "inserted_at", "order_directions": "asc"}
        answer = client.get(LOG, query={name: values.get(name, 1)}, headers={"Accept": NDJSON})
        assert answer.status == 400
        assert name in answer.error["details"]

    @pytest.mark.parametrize("accept", ["application/json", "*/*", "text/html, application/json;q=0.9"])
    def test_other_media_types_get_the_list(self, client, accept):
        assert client.get(LOG, headers={"Accept": accept}).headers["content-type"] == "application/json"

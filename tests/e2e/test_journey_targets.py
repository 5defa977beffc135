"""Who a command reaches, what comes back of it, and what is told about it."""

from collections import Counter
from urllib.parse import urlencode

import pytest

from tests.e2e.cloud import eventually, fleet

UNKNOWN_NODE = "01933b5c-7d1e-7a01-8000-00000000dead"


@pytest.fixture(scope="module")
def world(cloud, tap):
    """North with two machines, south with one: (api, north, south)."""
    with fleet(cloud, "north") as north, fleet(cloud, "south") as south:
        north.enrol(2)
        south.enrol(1)
        yield north.api, north, south


def cases(north, south):
    """Targeting, and the nodes of the list with the same filters that it may reach."""
    ids = sorted(node["id"] for node in north + south)
    both = ["north", "south"]
    of_south = {"node_count__lte": 1}
    return [
        ({"type": "all"}, {}, None),
        ({"type": "all", "node_filters": {"cluster_name": "nor*"}}, {"cluster_name": "nor*"}, None),
        ({"type": "all", "cluster_filters": {"name": "south"}}, {"cluster_name": "south"}, None),
        ({"type": "nodes", "node_ids": [*ids[:2], UNKNOWN_NODE], "allow_missing": True}, {}, ids[:2]),
        (
            {"type": "nodes", "node_ids": ids, "node_filters": {"status": "healthy", "cluster_name": "north"}},
            {"status": "healthy", "cluster_name": "north"},
            ids,
        ),
        ({"type": "nodes", "node_ids": ids, "cluster_filters": of_south}, {"cluster_name": "south"}, ids),
        (
            {"type": "clusters", "cluster_names": [*both, "nowhere"], "allow_missing": True},
            {"cluster_name": "north,south"},
            None,
        ),
        ({"type": "clusters", "cluster_names": both, "cluster_filters": of_south}, {"cluster_name": "south"}, None),
        (
            {"type": "clusters", "cluster_names": both, "node_filters": {"id_type": "random"}},
            {"cluster_name": "north,south", "id_type": "random"},
            None,
        ),
        ({"type": "clusters", "cluster_names": both, "node_filters": {"version": "none"}}, {"version": "none"}, None),
    ]


def test_command_reaches_exactly_the_nodes_listed_by_its_filters(world, tap):
    api, north, south = world
    asked = {}
    for targeting, filters, among in cases(north.nodes(), south.nodes()):
        listed = {node["id"] for node in api.items(f"/api/v1/nodes?{urlencode(filters)}")}
        body = {"command_text": 'printf %s "$EDGE_EXECUTION_ID"; exit 7', "targeting": targeting}
        command = api.call("POST", "/api/v1/commands", body)
        assert command.status == 201
        asked[command.data["id"]] = (targeting, listed if among is None else listed & set(among))
    assert {0, 1, 2, 3} == {len(wanted) for _, wanted in asked.values()}

    for command_id, (targeting, wanted) in asked.items():
        executions = north.results_of(command_id, len(wanted))
        assert {each["node_id"] for each in executions} == wanted, targeting
        assert [each["output"] for each in executions] == [each["id"] for each in executions]
        assert all(each["exit_code"] == 7 for each in executions)

    for command_id in asked:
        # Refused as long as a part of the fan-out is left.
        eventually(lambda command_id=command_id: _deletes(api, command_id))
        assert api.get(f"/api/v1/commands/{command_id}").status == 404
    eventually(lambda: not any(north.executions_of(command_id) for command_id in asked))
    for command_id, (targeting, wanted) in asked.items():
        told = eventually(lambda command_id=command_id, wanted=wanted: _told(tap, command_id, 3 * len(wanted)) or {0})
        expected = {(kind, node) for node in wanted for kind in ("created", "sent", "completed")} or {0}
        assert set(told) == expected, targeting
        assert len(told) == len(expected)


def test_execution_list_filters_find_matching_executions(world):
    api, north, south = world
    zero, three = north.run("true"), south.run("printf 'lost and found'; exit 3")
    of_zero, of_three = north.results_of(zero, 2), south.results_of(three, 1)

    def found(**filters):
        return sorted(each["id"] for each in api.items(f"/api/v1/command_executions?{urlencode(filters)}"))

    assert found(command_id=zero, exit_code=0) == sorted(each["id"] for each in of_zero)
    assert found(command_id=zero, exit_code__gte=1) == []
    assert found(command_id=three, output="LOST*found", status="completed") == [of_three[0]["id"]]
    assert found(cluster_name="south", exit_code=3) == [of_three[0]["id"]]
    assert found(node_id=of_three[0]["node_id"], has_output="true", exit_code=3) == [of_three[0]["id"]]
    assert found(command_id=zero, has_output="true") == []
    assert found(command_id=zero, status="pending") == []


def test_events_of_enrolment_and_command_reach_the_bus(world, tap):
    _, _, south = world
    command_id = south.run("echo once")
    execution = south.results_of(command_id, 1)[0]
    node_id = execution["node_id"]

    eventually(lambda: len(_told(tap, command_id)) == 3)
    story = [each for each in tap.envelopes() if each["data"].get("command_id") == command_id]
    assert [each["type"].rpartition(".")[2] for each in story] == ["created", "sent", "completed"]
    assert story[-1]["data"]["exit_code"] == 0
    assert len({each["id"] for each in story}) == 3

    def enrolled():
        kinds = Counter(each["type"] for each in tap.envelopes() if each["data"].get("node_id") == node_id)
        return kinds["edge.node.registered"] == 1

    eventually(enrolled)
    verified = [each for each in tap.envelopes() if each["type"] == "edge.enrollment_key.verified"]
    assert [each["data"]["result"] for each in verified if each["data"]["cluster_name"] == "south"] == ["verified"]


def _deletes(api, command_id):
    answer = api.call("DELETE", f"/api/v1/commands/{command_id}")
    assert answer.status in (204, 409), answer.text
    return answer.status == 204


def _told(tap, command_id, at_least=0):
    """(what happened, node) of a command's executions, once there are so many."""
    told = [
        (each["type"].rpartition(".")[2], each["data"]["node_id"])
        for each in tap.envelopes()
        if each["data"].get("command_id") == command_id
    ]
    return told if len(told) >= at_least else []

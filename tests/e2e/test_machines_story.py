"""A machine from nothing, through real HTTP: made by request, enrolled by itself, used, stopped, started, told of by
analytics, and gone without a trace."""

import time

from tests.e2e.cloud import eventually, fleet

INSTANCES = "/api/compute/v1/instances"


def status_of(api, instance_id):
    """The status, and why it has it."""
    answer = api.get(f"{INSTANCES}/{instance_id}")
    assert answer.status == 200, answer.text
    return answer.json["status"], answer.json["statusReason"]


def becomes(api, instance_id, wanted):
    """Wait for a status. A failure of the instance ends the wait."""

    def look():
        time.sleep(0.5)  # a tier limits how many requests a minute there may be
        status, reason = status_of(api, instance_id)
        assert status != "FAILED", reason
        return status == wanted

    eventually(look)


def asked(api, instance_id, action):
    answer = api.call("POST", f"{INSTANCES}/{instance_id}/{action}")
    assert (answer.status, type(answer.json)) == (202, dict)


def test_machine_is_made_used_stopped_started_and_leaves_no_trace(cloud, api):
    with fleet(cloud, "made") as made:
        body = {"templateID": "local-small", "zone": "local-a", "clusterName": made.cluster, "name": "story"}
        first, again = (api.call("POST", INSTANCES, body, idempotency_key="story-1") for _ in range(2))
        assert (first.status, first.json["status"]) == (201, "PROVISIONING")
        instance_id = first.json["id"]
        assert (again.status, again.json["id"]) == (201, instance_id)

        becomes(api, instance_id, "RUNNING")
        (node,) = made.nodes()
        assert (node["id"], node["status"]) == (instance_id, "healthy")
        assert api.get(f"{INSTANCES}/{instance_id}").json["nodeId"] == instance_id
        (result,) = made.results_of(made.run("echo made; $EDGE_AGENT logs | grep -c agent.enrolled"), 1)
        assert (result["exit_code"], result["output"]) == (0, "made\n1\n")

        asked(api, instance_id, "stop")
        becomes(api, instance_id, "STOPPED")
        assert not cloud.machines.machine(instance_id).running
        asked(api, instance_id, "start")
        becomes(api, instance_id, "RUNNING")
        question = {"instanceId": instance_id, "dataset": "topics", "from": "2020-01-01T00:00:00Z"}
        eventually(lambda: told_of(api, {**question, "to": "2100-01-01T00:00:00Z"}) >= {"command.succeeded"})

        assert api.call("DELETE", f"{INSTANCES}/{instance_id}").status == 204
        becomes(api, instance_id, "TERMINATED")
        eventually(lambda: api.get(f"/api/v1/nodes/{instance_id}").status == 404)
        assert cloud.machines.machine(instance_id) is None
        assert api.items("/api/v1/enrollment_keys?cluster_name=made") == []


def told_of(api, question):
    """The types of events that analytics have of an instance."""
    answer = api.call("POST", "/v1/query", question, authorization=None, x_api_key=api.key)
    assert answer.status in {200, 404}, answer.text  # it is not known before its first event
    return {element["topic"] for element in answer.json.get("elements", ())}


def test_every_host_lists_the_apis_and_each_serves_its_document(cloud, api):
    families = {family["name"]: family for family in api.get("/.well-known/edge").json["families"]}
    assert set(families) == {"fleet", "machines"}
    for served in families["machines"]["apis"]:
        document = api.get(served["openapi"].removeprefix(cloud.url))
        assert (document.status, document.json["openapi"][:3]) == (200, "3.1")
        assert document.json["servers"][0]["url"] == cloud.url


def test_error_of_a_route_that_is_not_there_has_the_headers_that_clients_read(api):
    answer = api.get("/api/compute/v1/nothing")
    assert answer.status == 404
    assert answer.headers["x-error-id"] == answer.json["error"]["error_id"]
    assert answer.headers["x-error"] == answer.json["error"]["message"]


def test_agent_that_leaves_is_no_node_any_more(cloud):
    with fleet(cloud, "leaving") as leaving:
        (agent,) = leaving.enrol()
        node_id = agent.node_id()
        (result,) = leaving.results_of(leaving.run("$EDGE_AGENT leave"), 1)
        assert result["exit_code"] == 0
        eventually(lambda: leaving.api.get(f"/api/v1/nodes/{node_id}").status == 404)
        eventually(lambda: not agent.running)

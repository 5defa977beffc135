"""A machine from nothing, through real HTTP: made by request, enrolled by itself, used, stopped, started, told of by
analytics, and gone without a trace."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.e2e.cloud import eventually, fleet
from tests.e2e.webhook_receiver import Receiver

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


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def test_hosted_node_is_built_told_of_by_a_signed_webhook_and_destroyed(cloud, api, receiver):
    def becomes_on_the_wire(status):
        def look():
            time.sleep(0.5)
            seen = api.get(f"/api/nodes/{node_id}").json["status"]
            assert seen != "FAILED"
            return seen == status

        eventually(look)

    with fleet(cloud, "regtest"):
        settings = {"webhookUrl": receiver.url("/nodes")}
        made = api.call("POST", "/api/nodes", {"name": "story", "network": "regtest", "settings": settings})
        assert made.status == 200, made.text
        node_id = made.json["data"]["nodeId"]
        becomes_on_the_wire("RUNNING")

        told = eventually(lambda: [each for each in receiver.received("/nodes") if b'"status":"RUNNING"' in each.body])
        served = load_pem_public_key(api.get("/api/webhook-public-key").json["data"].encode())
        signature = base64.b64decode(told[0].headers["x-thunderstack-signature"])
        served.verify(signature, told[0].body, PKCS1v15(), SHA256())

        assert api.call("DELETE", "/api/nodes", {"destroyNodeId": node_id}).status == 200
        becomes_on_the_wire("DESTROYED")
        eventually(lambda: api.get(f"/api/v1/nodes/{node_id}").status == 404)

"""What clients of the hosted nodes' API rely on, driven as the service's own test client and the pages' receiver do."""

import base64
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from chalicelib.machines.hosted.model import Action
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.signing.service import FRESH
from chalicelib.platform.signing.store import WEBHOOKS
from tests.contract.machines.behaviours import PAGES, TEST_CLIENT, relied_on
from tests.support.client import MASTER_KEY, HttpAnswer
from tests.support.hosting import HOST, URL, Hosting
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_hosted import hosting_in
from tests.support.world import World

HOSTED = "Hosted nodes"


class Service:
    """The API and its machines, and the requests of the test client."""

    def __init__(self, world: World | None = None) -> None:
        self.scene = MachinesScene(world)
        self.hosting: Hosting = hosting_in(self.scene)

    def send(self, method: str, path: str, *, bare: bool = False, **options: Any) -> HttpAnswer:
        """A request with a bearer, or with the token alone."""
        headers = {"authorization": MASTER_KEY if bare else f"Bearer {MASTER_KEY}"}
        return self.scene.send(HOSTED, method, path, key=None, headers=headers, **options)

    def create(self, **settings: str) -> str:
        """A new node, as the client asks for one; returns its id."""
        body = {"name": "test", "network": "regtest", "settings": settings}
        answer = self.send("POST", "/api/nodes", bare=True, json=body)
        assert answer.status == 200, answer.text
        node_id: str = answer.json["data"]["node"]["nodeId"]
        self.hosting.settle()
        return node_id

    def running(self, **settings: str) -> str:
        node_id = self.create(**settings)
        self.hosting.instance_runs(node_id)
        return node_id

    def destroyed(self) -> str:
        node_id = self.running()
        assert self.send("DELETE", "/api/nodes", json={"destroyNodeId": node_id}).status == 200
        self.hosting.settle()
        self.hosting.instance_goes(node_id)
        return node_id

    def node(self, node_id: str) -> Any:
        """The node as the client polls it: below ``data``."""
        return self.send("GET", f"/api/nodes/{node_id}", bare=True).json["data"]


@pytest.fixture
def service() -> Service:
    return Service()


@relied_on(HOSTED, TEST_CLIENT, "a new node stands below `data.node` too, `IN_PROGRESS` or `RUNNING`")
def test_new_node_stands_in_both_places(service: Service) -> None:
    answer = service.send("POST", "/api/nodes", bare=True, json={"name": "test", "network": "regtest", "settings": {}})

    data = answer.json["data"]
    assert data["status"] in {"IN_PROGRESS", "RUNNING"}
    assert {name: value for name, value in data.items() if name != "node"} == data["node"]
    assert answer.json["message"]


@relied_on(HOSTED, f"{TEST_CLIENT}, API pages", "a node is answered bare and below `data`")
def test_node_stands_in_both_places(service: Service) -> None:
    node_id = service.running()

    answer = service.send("GET", f"/api/nodes/{node_id}", bare=True).json
    assert {name: value for name, value in answer.items() if name != "data"} == answer["data"]
    assert answer["nodeId"] == node_id


@relied_on(HOSTED, TEST_CLIENT, "`DELETE /api/nodes` takes the node out of `RUNNING` before it answers")
def test_node_is_not_running_once_its_destruction_is_answered(service: Service) -> None:
    node_id = service.running()
    assert service.node(node_id)["status"] == "RUNNING"

    answer = service.send("DELETE", "/api/nodes", json={"destroyNodeId": node_id})

    assert answer.json == {"message": "Destroy build started successfully."}
    assert service.node(node_id)["status"] == "IN_PROGRESS"
    service.hosting.settle()
    service.hosting.instance_goes(node_id)
    assert service.node(node_id)["status"] == "DESTROYED"


@relied_on(HOSTED, TEST_CLIENT, "`GET /api/nodes/{id}/health` answers JSON in every status, also of a destroyed node")
def test_health_is_json_in_every_status(service: Service) -> None:
    running, gone = service.running(), service.destroyed()

    for node_id, status, is_healthy in ((running, "RUNNING", True), (gone, "DESTROYED", False)):
        answer = service.send("GET", f"/api/nodes/{node_id}/health", bare=True)
        assert answer.status == 200
        assert (answer.json["status"], answer.json["healthy"]) == (status, is_healthy)
        assert "lastSeenAt" in answer.json
    missing = service.send("GET", "/api/nodes/0190a1b2-0000-7000-8000-000000000000/health", bare=True)
    assert (missing.status, type(missing.json)) == (404, dict)


@relied_on(HOSTED, TEST_CLIENT, "nodes that run or are destroyed have a `peerDNS` and a `peerPort` that are not empty")
def test_peer_is_named_in_both_final_statuses(service: Service) -> None:
    for node_id in (service.running(), service.destroyed()):
        node = service.node(node_id)
        assert node["peerDNS"]
        assert node["peerPort"]


@relied_on(HOSTED, f"{TEST_CLIENT}, API pages", "`invoke_url` has `/nodes` once, then `/{userId}/{nodeId}/`")
def test_invoke_url_has_its_parts_after_nodes(service: Service) -> None:
    node_id = service.running()

    path = urlsplit(service.node(node_id)["invoke_url"]).path
    assert path.count("/nodes") == 1
    user_id, node, end = path.partition("/nodes/")[2].split("/")
    assert user_id
    assert (node, end) == (node_id, "")


@relied_on(HOSTED, TEST_CLIENT, "`POST /nodes/{id}/unlock` of the hosted program is answered by a 404 in JSON")
def test_route_of_the_hosted_program_is_a_404_in_json(service: Service) -> None:
    answer = service.send("POST", f"/api/nodes/{service.running()}/unlock", bare=True, json={"password": "x"})

    assert (answer.status, type(answer.json)) == (404, dict)


@relied_on(HOSTED, PAGES, "`rln_commit_id` is there and equals `data` of `latest-rln-image` once a node is up to date")
def test_version_is_compared_with_the_latest(service: Service) -> None:
    before = service.create()
    assert service.node(before)["rln_commit_id"] is None
    latest = service.send("GET", "/api/nodes/latest-rln-image").json["data"]

    service.hosting.instance_runs(before, version=latest)

    assert service.node(before)["rln_commit_id"] == latest


@relied_on(
    HOSTED,
    "API pages, OpenAPI",
    "settings are taken as `{settings: {webhookUrl}}` and as `{webhookUrl}`; empty or null clears",
)
@pytest.mark.parametrize("shape", [lambda url: {"settings": {"webhookUrl": url}}, lambda url: {"webhookUrl": url}])
@pytest.mark.parametrize("nothing", ["", None])
def test_settings_are_taken_in_both_shapes(service: Service, shape, nothing) -> None:
    node_id = service.running()

    for sent, kept in ((URL, URL), (nothing, "")):
        answer = service.send("POST", f"/api/nodes/{node_id}/settings", json=shape(sent))
        assert (answer.status, type(answer.json["message"])) == (200, str)
        service.hosting.settle()
        assert service.node(node_id)["settings"] == {"webhookUrl": kept}


@relied_on(
    HOSTED, f"{TEST_CLIENT}, OpenAPI", "the networks of the document and `bitfinex_regtest` are taken, others are a 400"
)
def test_networks_of_clients_are_taken_and_others_refused(service: Service) -> None:
    service.hosting.fleet.clusters.add("bitfinex-regtest")

    for network in ("regtest", "testnet", "bitfinex_regtest"):
        answer = service.send("POST", "/api/nodes", json={"name": "test", "network": network})
        assert answer.json["data"]["network"] == network
    refused = service.send("POST", "/api/nodes", json={"name": "test", "network": "signet"})
    assert refused.status == 400
    assert "regtest, testnet, bitfinex_regtest, mainnet" in refused.text


@relied_on(
    HOSTED,
    f"{TEST_CLIENT}, API pages",
    "`start` and `stop` answer an object; 404 for an unknown node, 400 for `DELETE`",
)
def test_start_and_stop_answer_an_object_and_unknown_nodes_as_documented(service: Service) -> None:
    node_id, unknown = service.running(), "0190a1b2-0000-7000-8000-000000000000"

    assert isinstance(service.send("POST", f"/api/nodes/{node_id}/stop").json, dict)
    service.hosting.settle()
    service.hosting.instance_is(node_id, State.READY)
    assert service.node(node_id)["status"] == "PAUSED"
    assert isinstance(service.send("POST", f"/api/nodes/{node_id}/start").json, dict)
    for action in ("start", "stop"):
        assert service.send("POST", f"/api/nodes/{unknown}/{action}").status == 404
    assert service.send("DELETE", "/api/nodes", json={"destroyNodeId": unknown}).status == 400


@relied_on(HOSTED, TEST_CLIENT, "the token is taken with and without `Bearer`")
@pytest.mark.parametrize("bare", [True, False])
def test_token_is_taken_with_and_without_its_scheme(service: Service, bare: bool) -> None:
    assert service.send("GET", "/api/nodes", bare=bare).json == {"nodes": []}
    assert service.scene.send(HOSTED, "GET", "/api/nodes", key=None, headers={"authorization": "no-key"}).status == 401


@relied_on(HOSTED, PAGES, "webhooks tell the documented statuses, and `DESTROYED`")
def test_webhooks_tell_each_status(service: Service) -> None:
    node_id = service.running(webhookUrl=URL)
    service.hosting.begin(node_id, Action.STOP)
    service.hosting.instance_is(node_id, State.READY)
    service.hosting.begin(node_id, Action.START)
    service.hosting.instance_runs(node_id)
    service.hosting.instance_is(node_id, State.FAILED, reason="lost")
    service.hosting.begin(node_id, Action.DESTROY)
    service.hosting.instance_goes(node_id)

    received = service.hosting.world.exchange.of(HOST)
    bodies = [json.loads(each.body) for each in received]
    assert [body["details"]["status"] for body in bodies] == [
        *(
            "IN_PROGRESS",
            "RUNNING",
            "IN_PROGRESS",
            "PAUSED",
            "STARTING",
            "RUNNING",
            "FAILED",
            "IN_PROGRESS",
            "DESTROYED",
        ),
    ]
    for body in bodies:
        assert list(body) == ["eventType", "eventTimestamp", "details", "nodeId"]
        assert body["eventType"] == "NODE_STATUS_UPDATED"
        assert body["nodeId"] == body["details"]["nodeId"] == node_id
    assert all("webhook-id" in each.headers and "webhook-signature" in each.headers for each in received)


def verifies(pem: str, signature: str, body: bytes) -> bool:
    """What the pages' receiver does with ``crypto.createVerify('RSA-SHA256')``."""
    try:
        load_pem_public_key(pem.encode()).verify(base64.b64decode(signature), body, PKCS1v15(), SHA256())  # type: ignore[call-arg, union-attr]
    except InvalidSignature:
        return False
    return True


@relied_on(HOSTED, PAGES, "a receiver that writes a parsed body again verifies its signature with the served key")
def test_rewritten_body_is_verified_before_and_after_a_rotation() -> None:
    service = Service(World())
    node_id = service.running(webhookUrl=URL)
    served = [service.send("GET", "/api/webhook-public-key").json["data"]]

    service.hosting.world.platform.signing.signatures.rotate(WEBHOOKS)
    service.hosting.world.clock.advance(FRESH.total_seconds())
    service.hosting.begin(node_id, Action.STOP)

    answer = service.send("GET", "/api/webhook-public-key").json
    served.append(answer["data"])
    first, *_, last = service.hosting.world.exchange.of(HOST)
    for received, pem in ((first, served[0]), (last, served[1])):
        again = json.dumps(json.loads(received.body), separators=(",", ":"), ensure_ascii=False).encode()
        assert verifies(pem, received.headers["x-thunderstack-signature"], again)
    assert [key["publicKey"] for key in answer["keys"]] == [served[1], served[0]]
    assert not verifies(served[1], first.headers["x-thunderstack-signature"], first.body)

"""The hosted nodes' API: refusals, repeats, health, certificates and exports of logs."""

import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chalicelib.fleet.public import Result
from chalicelib.machines.api.hosted import nodes
from chalicelib.machines.hosted.model import Action
from chalicelib.machines.hosted.store import TABLE as NODES
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.quotas.rules import INSTANCES, quota_exceeded
from tests.support.builders import a_customer
from tests.support.client import HttpAnswer
from tests.support.hosting import TENANT, URL, Hosting
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_hosted import hosting_in

UNKNOWN = "0190a1b2-0000-7000-8000-000000000000"


class Api:
    def __init__(self) -> None:
        self.scene = MachinesScene()
        self.hosting: Hosting = hosting_in(self.scene)

    def ask(self, view: str, node_id: str = UNKNOWN, **options: Any) -> HttpAnswer:
        return self.scene.request(view, variables={"node_id": node_id}, **options)

    def everything_kept(self) -> str:
        """All rows and messages, as text."""
        return str(self.scene.world.state())


@pytest.fixture
def api() -> Api:
    return Api()


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"network": "regtest"}, "name"),
            ({"name": "", "network": "regtest"}, "name"),
            ({"name": "x", "network": "signet"}, "network"),
            ({"name": "x", "network": "mainnet"}, "network"),
            ({"name": "x", "network": "regtest", "settings": {"webhookUrl": "ftp://a.example"}}, "settings.webhookUrl"),
            ({"name": "x", "network": "regtest", "settings": {"webhookUrl": "http://10.0.0.1"}}, "settings.webhookUrl"),
            ({"name": "x", "network": "regtest", "more": 1}, "more"),
        ],
    )  # fmt: skip
    def test_invalid_new_node_is_a_400_that_names_the_field_and_makes_nothing(self, api: Api, body, field) -> None:
        answer = api.ask("create_hosted_node", json=body)

        assert answer.status == 400
        assert list(answer.json["error"]["details"]) == [field]
        assert api.scene.world.driver.rows(NODES) == []

    def test_network_of_another_customer_is_a_403(self, api: Api) -> None:
        a_customer(api.scene.world, TENANT, clusters={"testnet"})

        answer = api.ask("create_hosted_node")

        assert (answer.status, answer.json["error"]["code"]) == (403, "network_forbidden")

    def test_quota_that_is_used_up_is_a_403_and_makes_nothing(self, api: Api) -> None:
        api.hosting.instances.has_no_room = quota_exceeded(INSTANCES, 2)

        answer = api.ask("create_hosted_node")

        assert (answer.status, answer.json["error"]["code"]) == (403, "quota_exceeded")
        assert api.scene.world.driver.rows(NODES) == []

    def test_installation_without_the_template_is_a_503_that_names_the_setting(self, api: Api) -> None:
        api.hosting.nodes._find_template = lambda: None  # noqa: SLF001 - as with another setting

        answer = api.ask("create_hosted_node")

        assert answer.status == 503
        assert "HOSTED_TEMPLATE" in answer.json["message"]

    @pytest.mark.parametrize(
        "view", ["get_hosted_node", "start_hosted_node", "generate_certificate", "start_log_export"]
    )
    def test_invalid_id_is_a_400_and_an_unknown_one_a_404(self, api: Api, view: str) -> None:
        assert api.ask(view, "no-id").status == 400
        assert api.ask(view).status == 404

    @pytest.mark.parametrize(
        ("view", "options"),
        [
            ("stop_hosted_node", {}),
            ("upgrade_hosted_node", {}),
            ("change_hosted_node_settings", {}),
            ("destroy_hosted_node", {}),
        ],
    )
    def test_action_while_a_build_is_in_progress_is_a_409_that_names_it(self, api: Api, view, options) -> None:
        node = api.hosting.create()
        if view == "destroy_hosted_node":
            options = {"json": {"destroyNodeId": node.id}}

        answer = api.ask(view, node.id, **options)

        assert answer.status == 409
        assert "Build 1 of this node, CREATE, is in progress" in answer.json["message"]

    def test_settings_without_a_receiver_named_are_a_400(self, api: Api) -> None:
        node = api.hosting.running()

        for body in ({}, {"settings": {}}, {"settings": None}):
            assert api.ask("change_hosted_node_settings", node.id, json=body).status == 400

    def test_latest_image_of_an_installation_without_one_is_a_503(self, api: Api) -> None:
        api.hosting.fleet.newest = None

        assert api.ask("get_latest_image").status == 503


class TestRepeats:
    def test_create_repeated_with_its_key_makes_one_node(self, api: Api) -> None:
        first, second = (api.ask("create_hosted_node", headers={"idempotency-key": "k"}) for _ in range(2))

        assert first.text == second.text
        assert len(api.scene.world.driver.rows(NODES)) == 1

    def test_settings_that_the_node_has_already_start_no_build(self, api: Api) -> None:
        node = api.hosting.running(url=URL)

        answer = api.ask("change_hosted_node_settings", node.id, json={"webhookUrl": URL})

        assert answer.json == {"message": "Settings applied."}
        assert api.hosting.get(node.id) == node


class TestCertificates:
    def test_certificate_is_of_the_node_and_its_private_key_is_kept_nowhere(self, api: Api) -> None:
        node = api.hosting.running()

        answers = [api.ask("generate_certificate", node.id, headers={"idempotency-key": "k"}).json for _ in range(2)]

        for answer in answers:
            certificate = x509.load_pem_x509_certificate(answer["certificate"].encode())
            private = load_pem_private_key(answer["privateKey"].encode(), password=None)
            assert certificate.public_key() == private.public_key()
            assert f"CN={node.id}" in certificate.subject.rfc4514_string()
            secret = answer["privateKey"].splitlines()[1]
            assert secret not in api.everything_kept()
            assert secret not in "".join(api.scene.world.lines.texts)
        assert answers[0]["privateKey"] != answers[1]["privateKey"]
        assert answers[0]["certificateChain"] == answers[1]["certificateChain"]

    def test_certificate_for_a_destroyed_node_is_a_409(self, api: Api) -> None:
        node = api.hosting.running()
        api.ask("destroy_hosted_node", json={"destroyNodeId": node.id})
        api.hosting.settle()
        api.hosting.instance_goes(node.id)

        assert api.ask("generate_certificate", node.id).status == 409


class TestExports:
    def start(self, api: Api, node_id: str) -> str:
        task_id: str = api.ask("start_log_export", node_id).json["taskId"]
        api.hosting.settle()
        return task_id

    def links(self, api: Api, node_id: str, task_id: str) -> HttpAnswer:
        return api.ask("get_log_export", node_id, query={"taskId": task_id})

    def test_agent_uploads_its_files_to_a_link_for_one_object(self, api: Api) -> None:
        node = api.hosting.running()
        task_id = self.start(api, node.id)
        assert (self.links(api, node.id, task_id).status, self.links(api, node.id, task_id).json["data"]) == (202, [])

        [command] = api.hosting.fleet.commands.values()
        key = f"logs/{TENANT}/{node.id}/{task_id}/logs.txt.gz"
        assert command.startswith("$EDGE_AGENT logs --upload '")
        assert f"{key}?put_object&expires=900" in command
        api.hosting.fleet.results[task_id] = Result("completed", 0, "")
        api.hosting.later(10)

        ready = self.links(api, node.id, task_id)
        assert ready.status == 200
        [link] = ready.json["data"]
        assert f"{key}?get_object&expires=3600" in link

    @pytest.mark.parametrize("result", [Result("failed", 1, "no"), Result("expired", None, None)])
    def test_command_that_fails_leaves_the_console(self, api: Api, result: Result) -> None:
        node = api.hosting.running()
        api.hosting.consoles[node.id] = "booted\n"
        task_id = self.start(api, node.id)
        api.hosting.fleet.results[task_id] = result
        api.hosting.later(10)

        [link] = self.links(api, node.id, task_id).json["data"]
        assert "console.txt" in link

    def test_node_whose_agent_is_away_gives_its_console(self, api: Api) -> None:
        node = api.hosting.running()
        api.hosting.fleet.unhealthy.add(node.id)
        api.hosting.consoles[node.id] = "booted\n"

        task_id = self.start(api, node.id)

        assert api.hosting.fleet.commands == {}
        [link] = self.links(api, node.id, task_id).json["data"]
        assert f"logs/{TENANT}/{node.id}/{task_id}/console.txt?get_object&expires=3600" in link
        assert b"booted\n" in api.scene.world.object_client.objects.values()

    def test_node_without_agent_and_console_ends_in_no_links_and_a_reason(self, api: Api) -> None:
        node = api.hosting.running()
        api.hosting.fleet.unhealthy.add(node.id)

        answer = self.links(api, node.id, self.start(api, node.id))

        assert (answer.status, answer.json["data"]) == (200, [])
        assert answer.json["message"] == "the node's agent is away, and its machine has no console output"

    def test_agent_that_never_answers_leaves_the_console_after_a_quarter_of_an_hour(self, api: Api) -> None:
        node = api.hosting.running()
        api.hosting.consoles[node.id] = "booted\n"
        task_id = self.start(api, node.id)
        for _ in range(8):
            api.hosting.later()

        assert len(self.links(api, node.id, task_id).json["data"]) == 1

    def test_task_of_another_node_is_a_404_and_one_that_is_over_too(self, api: Api) -> None:
        node, other = api.hosting.running(), api.hosting.running()
        task_id = self.start(api, node.id)

        assert self.links(api, other.id, task_id).status == 404
        assert self.links(api, node.id, UNKNOWN).status == 404
        api.scene.world.clock.advance(7 * 86_400 + 1)
        assert self.links(api, node.id, task_id).status == 404

    def test_lost_message_of_an_export_is_sent_again(self, api: Api) -> None:
        node = api.hosting.running()
        task_id = api.ask("start_log_export", node.id).json["taskId"]
        while api.scene.world.relay_only():
            pass
        api.scene.world.queue_client.sent.clear()

        api.hosting.later()

        assert task_id in api.hosting.fleet.commands


def test_destroyed_nodes_and_their_instances_tell_why(api: Api) -> None:
    node = api.hosting.running()
    api.hosting.instance_is(node.id, State.FAILED, reason="the provider lost it")

    shown = api.ask("get_hosted_node", node.id).json

    assert (shown["status"], shown["statusReason"]) == ("FAILED", "the provider lost it")
    assert json.dumps(shown["builds"][0]["reason"]) == "null"


def test_list_too_large_for_an_answer_leaves_out_the_oldest_destroyed_nodes(api: Api, monkeypatch) -> None:
    made = []
    for number in range(5):
        api.hosting.world.clock.advance(1)
        made.append(api.hosting.running(name=f"node {number}").id)
    for node_id in made[1:4]:
        api.hosting.begin(node_id, Action.DESTROY)
        api.hosting.instance_goes(node_id)
    whole = api.ask("list_hosted_nodes")
    assert [node["nodeId"] for node in whole.json["nodes"]] == made[::-1]

    monkeypatch.setattr(nodes, "ROWS_BYTES", len(json.dumps(whole.text)) * 4 // 5)
    listed = [node["nodeId"] for node in api.ask("list_hosted_nodes").json["nodes"]]
    assert listed == [made[4], made[3], made[2], made[0]]

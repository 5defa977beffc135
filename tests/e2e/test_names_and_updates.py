"""Aliases, self-update requests and whole commands in the local cloud, under the real roles. In the first test the
machine is played: it speaks the agents' protocol and polls."""

import json
import uuid
from collections import Counter

import pytest

from infra.local.operator_api import Operator
from tests.e2e.cloud import eventually, fleet, granted, logged, start_connected
from tests.support.aws_clients import local_client

PORTS = ("http_port", "ssh_port", "host_metrics_port", "wireguard_metrics_port", "http_proxy_port", "socks5_proxy_port")


UPDATE = 'echo "$EDGE_SELF_UPDATE_REQUESTED_AT" >> updates'
"""Agents of the local cloud run in folders of their own."""


def look_at(cloud, message: dict, queue: str = "self-updates", worker: str = "trigger_updates") -> None:
    """Queue a message about a request, as if SQS brought it once more, and wait until it has been worked on."""
    known = len(list(cloud.function_logs(worker)))
    trace = f"again-{uuid.uuid4()}"
    local_client(cloud.emulator_url, "sqs").send_message(
        QueueUrl=cloud.queue_urls[queue],
        MessageBody=json.dumps(message),
        MessageAttributes={"request_id": {"DataType": "String", "StringValue": trace}},
    )
    eventually(lambda: any(trace in line for line in list(cloud.function_logs(worker))[known:]))


def is_connected(cloud, node_id: str) -> bool:
    """Whether the control plane believes that the node has a socket open."""
    key = {"id": {"S": node_id}}
    row = local_client(cloud.emulator_url, "dynamodb").get_item(TableName=f"{cloud.table_prefix}presence", Key=key)[
        "Item"
    ]
    return "connection_id" in row


def updates_of(agent) -> list[str]:
    """The times of the requests for which its update ran."""
    ran = agent.folder / "updates"
    return ran.read_text().split() if ran.exists() else []


def enrolled(cloud, operator: Operator, cluster: str) -> tuple[str, Operator]:
    """A machine that lets itself be updated; its id, and a client with its token."""
    node_id = str(uuid.uuid4())
    key = operator.create_enrollment_key(cluster, 1)
    verified = operator.call("POST", "/api/v1/agents/enrollment_keys/verify", {"key": key, "node_id": node_id})
    said = {
        "node_id": node_id,
        "network_name": f"cluster-{cluster}",
        "id_type": "random",
        "version": "1.0.0",
        "self_update_enabled": True,
        "registration_token": verified["data"]["netmaker_key"],
        **dict.fromkeys(PORTS, 44000),
    }
    registered = operator.call("POST", "/api/v1/agents/nodes", said)
    return node_id, Operator(cloud.url, registered["data"]["api_token"])


def test_alias_self_update_and_command_cancel_work_for_one_node(cloud, operator):
    for name in ("names", "other-names"):
        operator.create_cluster(name)
    node_id, agent = enrolled(cloud, operator, "names")
    targeting = {"type": "nodes", "node_ids": [node_id]}

    alias = operator.call("POST", f"/api/v1/nodes/{node_id}/aliases", {"name": "web"})["data"]
    assert operator.call("GET", f"/api/v1/aliases/{alias['id']}")["data"]["node_id"] == node_id
    assert agent.call("POST", "/api/v1/agents/aliases", {"name": "db"})["data"]["name"] == "db"
    assert len(operator.call("GET", f"/api/v1/aliases?node_id={node_id}")["data"]) == 2
    operator.call("DELETE", f"/api/v1/aliases/{alias['id']}")
    operator.call("PATCH", f"/api/v1/nodes/{node_id}/change_cluster", {"cluster_name": "other-names"})
    assert operator.call("GET", "/api/v1/aliases?cluster_name=names")["data"] == []

    whole_cluster = {"type": "clusters", "cluster_names": ["other-names"]}
    request = operator.call("POST", "/api/v1/self_update_requests", {"targeting": whole_cluster})["data"]
    path = f"/api/v1/self_update_requests/{request['id']}"
    answer = eventually(
        lambda: [
            found for found in [agent.call("GET", "/api/v1/agents/self_updates/check")["data"]] if found["including_me"]
        ]
    )
    assert answer[0]["inserted_at"] == request["inserted_at"]

    command = operator.call("POST", "/api/v1/commands", {"command_text": "true", "targeting": targeting})["data"]
    command_path = f"/api/v1/commands/{command['id']}"
    eventually(lambda: operator.call("GET", command_path)["data"]["summary"]["pending"] == 1)
    assert operator.call("POST", f"{command_path}/cancel")["data"] == {"result": "cancellation requested"}
    eventually(lambda: operator.call("GET", command_path)["data"]["summary"]["cancelled"] == 1)

    assert operator.call("GET", path)["data"]["status"] == "processing"
    operator.call("DELETE", f"/api/v1/nodes/{node_id}")
    assert cloud.function_failures() == []
    assert cloud.calls <= granted(cloud.table_prefix)


# Slow: three agents and two minutes. The served agent updates itself in `test_agent_bundle.py`.
@pytest.mark.slow
def test_agents_update_themselves_once_by_each_transport(cloud, tap, link):
    with fleet(cloud, "updating") as updating:
        api, option = updating.api, ("--self-update-command", UPDATE)
        connected = updating.enrol(2, *option)
        away = updating.enrol(1, *option)[0]
        away.stop()
        # A frame to a socket whose end is not known yet would count as told.
        eventually(lambda: not is_connected(cloud, away.node_id()))
        unwilling = updating.enrol(1)[0]
        link.takes_websockets = False
        pushed = updating.machine()
        pushed.start(*option, "--push-port", "0", environment=link.environment)
        eventually(lambda: logged(pushed, "push.listening") and logged(pushed, "websocket.lost"))
        lost = link.lose_answers("GET", "/self_updates/check$", times=2)
        willing = [*connected, away, pushed]

        ids = [agent.node_id() for agent in willing]
        targeting = {"type": "nodes", "node_ids": [*ids, unwilling.node_id()]}
        targeting |= {"cluster_filters": {"node_count__lte": 9}, "node_filters": {"last_seen_at__gte": "2020-01-01"}}
        request = api.call("POST", "/api/v1/self_update_requests", {"targeting": targeting}).data
        assert request["id"] in [each["id"] for each in api.items("/api/v1/self_update_requests")]
        path = f"/api/v1/self_update_requests/{request['id']}"
        for agent in (*connected, pushed):
            eventually(lambda agent=agent: logged(agent, "self_update.ended", exit_code=0))
        assert lost.met == 2
        assert api.get(path).data["status"] == "processing"
        told_again = {"updates": {"request_id": request["id"], "node_ids": ids}}
        look_at(cloud, told_again, "command-delivery", "deliver_commands")
        look_at(cloud, {"request_id": request["id"], "part": "nodes#0"})
        look_at(cloud, {"request_id": request["id"], "redrive": True})
        assert api.get(path).data["status"] == "processing"
        start_connected(away, *option)
        eventually(lambda: logged(away, "self_update.ended", exit_code=0))
        connected[0].stop()
        start_connected(connected[0], *option)

        # As the sweep would, some minutes later, and then once more.
        for _ in range(2):
            look_at(cloud, {"request_id": request["id"], "redrive": True})
            assert api.get(path).data["status"] == "completed"
        assert api.get(path).data["summary"] == {"total": 4, "triggered": 4, "failed": 0, "updated": 0}
        assert [updates_of(agent) for agent in willing] == [[request["inserted_at"]]] * 4
        assert not (unwilling.folder / "updates").exists()

        expected = {("edge.node.update_triggered", node_id): 1 for node_id in ids}
        expected["edge.self_update_request.completed", None] = 1

        def told():
            events = [each for each in tap.envelopes() if each["data"].get("self_update_request_id") == request["id"]]
            return Counter((each["type"], each["data"].get("node_id")) for each in events)

        eventually(lambda: expected.keys() <= told().keys())
        assert told() == expected
        assert api.call("DELETE", path).status == 204
    assert cloud.calls <= granted(cloud.table_prefix)

"""Aliases, self-update requests and whole commands in the local cloud, under the real roles. The machine is played by
this test: it speaks the agents' protocol and polls."""

import uuid

from infra.local.operator_api import Operator
from tests.e2e.cloud import eventually, granted

PORTS = ("http_port", "ssh_port", "host_metrics_port", "wireguard_metrics_port", "http_proxy_port", "socks5_proxy_port")


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


def test_a_machine_is_named_updated_and_spared_a_command(cloud, operator):
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

    request = operator.call("POST", "/api/v1/self_update_requests", {"targeting": targeting})["data"]
    path = f"/api/v1/self_update_requests/{request['id']}"
    answer = eventually(
        lambda: [
            found for found in [agent.call("GET", "/api/v1/agents/self_updates/check")["data"]] if found["including_me"]
        ]
    )
    assert answer[0]["inserted_at"] == request["inserted_at"]
    eventually(lambda: operator.call("GET", path)["data"]["status"] == "completed")
    assert operator.call("GET", path)["data"]["summary"] == {"total": 1, "triggered": 1, "failed": 0}
    operator.call("DELETE", path)

    command = operator.call("POST", "/api/v1/commands", {"command_text": "true", "targeting": targeting})["data"]
    path = f"/api/v1/commands/{command['id']}"
    eventually(lambda: operator.call("GET", path)["data"]["summary"]["pending"] == 1)
    assert operator.call("POST", f"{path}/cancel")["data"] == {"result": "cancellation requested"}
    eventually(lambda: operator.call("GET", path)["data"]["summary"]["cancelled"] == 1)

    operator.call("DELETE", f"/api/v1/nodes/{node_id}")
    assert cloud.function_failures() == []
    assert cloud.calls <= granted(cloud.table_prefix)

"""The things of a tenant in `make demo FAMILY=cloud`: a network with a way out and a security group, an instance in it
that runs a command through the fleet, a volume, and a bucket whose object comes back byte for byte. Then its bill, and
all of it is deleted."""

import time
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

from infra.local.operator_api import TIMEOUT_SECONDS, ApiError, Operator

Json = dict[str, Any]

COMMAND = 'echo "hello from $(uname -s), in a subnet of a tenant"'
EVERY_BYTE = bytes(range(256)) * 40
RUNS_SECONDS = 3
"""An instance of the demo costs less than a cent an hour: so long it costs more than half a millionth of a dollar."""

Wait = Callable[[str, Callable[[], bool]], None]
"""Waits until a condition holds; the text says for what."""


class WrongResultError(Exception):
    """Something else came back, or is left, than should be."""


class DemoResources:
    """The things of the tenant of ``owner``. ``left`` lists what is in the account of them. `run` raises `ApiError`,
    `WrongResultError`, and what ``wait`` raises if something takes too long."""

    def __init__(
        self, owner: Operator, wait: Wait, say: Callable[[str], None], left: Callable[[], Sequence[str]]
    ) -> None:
        self._owner = owner
        self._wait = wait
        self._say = say
        self._left = left

    def run(self) -> None:
        """All of it, told step by step."""
        vpc = self._asked("/vpcs", {"name": "shops", "cidr_block": "10.9.0.0/16"})
        subnet = self._asked(f"{vpc}/subnets", {"name": "north", "cidr_block": "10.9.1.0/24"}, "/subnets")
        volume = self._asked("/volumes", {"name": "data", "size_gb": 1})
        gateway = self._connect(vpc)
        self._until(subnet, "available")
        group = self._protect(vpc)
        self._keep_an_object()
        self._until(volume, "AVAILABLE")
        launch = {"name": "engine-1", "image": "ubuntu-24.04", "subnet_id": subnet.rpartition("/")[2]}
        instance = self._asked("/instances", launch)
        self._until(instance, "RUNNING")
        began = time.monotonic()
        body = {"instance_id": instance.rpartition("/")[2], "group_id": group.rpartition("/")[2]}
        self._owner.call("POST", "/security-groups/attach", body)
        self._refused(f"DELETE {group}", 409)
        self._run_command(instance.rpartition("/")[2])
        time.sleep(max(0.0, RUNS_SECONDS + began - time.monotonic()))
        self._delete(instance, volume)
        self._delete(
            *(f"/security-groups/{each['id']}" for each in self._owner.call("GET", "/security-groups")["data"])
        )
        self._owner.call("POST", f"{gateway}/detach")
        self._delete(gateway, subnet, vpc)
        self._say("the instance, the volume, the groups, the gateway, the subnet and the VPC are deleted")
        self._wait("the end of everything in the account", lambda: not self._left())
        self._say("nothing of them is left in the account")
        self._wait("the bill", self._is_billed)

    def _asked(self, collection: str, body: Json, item: str = "") -> str:
        """The path of a new thing, which is there some seconds later."""
        made = self._owner.call("POST", collection, body)["data"]
        return f"{item or collection}/{made['id']}"

    def _until(self, path: str, status: str) -> None:
        """Wait until a thing has the status."""
        shown: Json = {}

        def is_there() -> bool:
            shown.update(self._owner.call("GET", path)["data"])
            return bool(shown["status"] == status)

        self._wait(f"{path} to be {status}", is_there)
        self._say(f"{path.split('/')[1]}: {shown['name']} is {status}")

    def _connect(self, vpc: str) -> str:
        """The path of an internet gateway of the VPC, once the main route table leads to it."""
        gateway = f"/internet-gateways/{self._owner.call('POST', '/internet-gateways')['data']['id']}"
        self._owner.call("POST", f"{gateway}/attach", {"vpc_id": vpc.rpartition("/")[2]})
        self._wait("the way out", lambda: self._owner.call("GET", gateway)["data"]["status"] == "attached")
        tables = self._owner.call("GET", f"/route-tables?vpc_id={vpc.rpartition('/')[2]}")["data"]
        routes = [
            f"{each['destination_cidr']} to {each['target_type']}" for table in tables for each in table["routes"]
        ]
        self._say(f"internet-gateways: attached; the main route table has {', '.join(sorted(routes))}")
        return gateway

    def _protect(self, vpc: str) -> str:
        """The path of a security group that lets SSH in from one network alone."""
        body = {"vpc_id": vpc.rpartition("/")[2], "name": "engines", "description": "SSH from the office"}
        group = f"/security-groups/{self._owner.call('POST', '/security-groups', body)['data']['id']}"
        rule = {"direction": "ingress", "protocol": "tcp", "port_min": 22, "port_max": 22, "cidr": "192.0.2.0/24"}
        self._owner.call("POST", f"{group}/rules", rule)
        self._say("security-groups: engines lets SSH in from 192.0.2.0/24")
        return group

    def _delete(self, *paths: str) -> None:
        """Have these deleted, one after the other."""
        for path in paths:
            self._owner.call("DELETE", path)
            self._wait(f"the end of {path}", lambda path=path: self._is_gone(path))  # type: ignore[misc]

    def _refused(self, request: str, status: int) -> None:
        method, path = request.split()
        try:
            self._owner.call(method, path)
        except ApiError as error:
            if f": {status} " not in str(error):
                raise
            self._say(f"refused with {status}: {request}")
        else:
            raise WrongResultError(f"{request} was not refused")

    def _run_command(self, node_id: str) -> None:
        """The instance is a node of the tenant's cluster, of the same id."""
        path = f"/api/v1/nodes/{node_id}"
        found: list[Json] = []
        self._wait("the instance in the fleet", lambda: not self._is_gone(path))
        body = {"command_text": COMMAND, "targeting": {"type": "nodes", "node_ids": [node_id]}}
        command = self._owner.call("POST", "/api/v1/commands", body)["data"]["id"]

        def is_done() -> bool:
            found[:] = self._owner.executions_of(command)
            return [each["status"] for each in found] == ["completed"]

        self._wait("the command's result", is_done)
        self._say(f"a command on it said: {found[0]['output'].strip()}")

    def _keep_an_object(self) -> None:
        """Its bytes pass by no function: they go to S3 and come back by links."""
        self._owner.call("POST", "/storage/buckets", {"name": "photos"})
        path, key = "/storage/presign/photos/2026/engine.bin", "2026/engine.bin"
        links: list[str] = []

        def has_link() -> bool:
            try:
                links[:] = [
                    str(self._owner.call("POST", path, {"method": method})["data"]["url"]) for method in ("PUT", "GET")
                ]
            except ApiError as error:
                if ": 409 " not in str(error):
                    raise
            return bool(links)

        self._wait("the bucket", has_link)
        put, get = links
        _fetched(urllib.request.Request(put, data=EVERY_BYTE, method="PUT"))  # noqa: S310 - of the local cloud
        if _fetched(urllib.request.Request(get)) != EVERY_BYTE:  # noqa: S310 - of the local cloud
            raise WrongResultError(f"{key} came back with other bytes")
        self._say(f"{key} of {len(EVERY_BYTE)} bytes went into the bucket photos by a link, and came back the same")
        self._owner.call("DELETE", "/storage/buckets/photos?force=true")
        self._wait("the end of the bucket", lambda: not self._owner.call("GET", "/storage/buckets")["data"])

    def _is_billed(self) -> bool:
        """Whether the bill is that of what ran, and ended."""
        parts = self._owner.call("GET", "/billing/usage")["data"]
        bill = self._owner.call("GET", "/billing/summary")["data"]
        types = {part["resource_type"] for part in parts if part["amount"]}
        if not types or bill["total_amount"] != round(sum(part["amount"] for part in parts), 6):
            return False
        self._say(f"the bill: {bill['total_amount']:.6f} USD, for {', '.join(sorted(types))}")
        return True

    def _is_gone(self, path: str) -> bool:
        try:
            self._owner.call("GET", path)
        except ApiError as error:
            if ": 404 " not in str(error):
                raise
            return True
        return False


def _fetched(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - of the local cloud
        return bytes(answer.read())

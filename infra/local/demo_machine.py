"""The second act of `make demo`: a machine from nothing. It is made by request, enrols itself, runs a command, is
stopped and started, and leaves no trace."""

import time
from collections.abc import Callable
from typing import Any

from infra.local.operator_api import ApiError, Operator

Json = dict[str, Any]

INSTANCES = "/api/compute/v1/instances"
TEMPLATE = {"templateID": "local-small", "zone": "local-a", "name": "demo-machine"}
COMMAND = 'echo "hello from a machine that was made by request"'

POLL_SECONDS = 1.0
"""Between looks at the instance: a tier limits how many requests a minute there may be."""

Wait = Callable[[str, Callable[[], bool]], None]
"""Waits until a condition holds; the text says for what."""


class DemoMachine:
    """Makes an instance of provider `local` that enrols in ``cluster``. `run` raises `ApiError`, and what ``wait``
    raises if something takes too long."""

    def __init__(self, operator: Operator, cluster: str, wait: Wait) -> None:
        self._operator = operator
        self._cluster = cluster
        self._wait = wait
        self._began = time.monotonic()
        self._id = ""
        self._status = ""

    def run(self) -> None:
        """The whole life of the instance, told step by step."""
        made = self._operator.call("POST", INSTANCES, {**TEMPLATE, "clusterName": self._cluster})
        self._id = str(made["id"])
        self._say(f"POST {INSTANCES} made {self._id}")
        self._tell(made)
        self._until("RUNNING")
        node = self._operator.call("GET", f"/api/v1/nodes/{self._id}")["data"]
        self._say(f"it is a node of cluster {node['cluster_name']}, {node['status']}")
        self._run_command()
        for action, status in (("stop", "STOPPED"), ("start", "RUNNING")):
            self._operator.call("POST", f"{INSTANCES}/{self._id}/{action}")
            self._say(f"asked to {action}")
            self._until(status)
        self._operator.call("DELETE", f"{INSTANCES}/{self._id}")
        self._say("deleted")
        self._until("TERMINATED")
        self._wait("the end of its node", self._is_no_node)
        self._say("no machine, no node, and none of its keys is left")

    def _run_command(self) -> None:
        body = {"command_text": COMMAND, "targeting": {"type": "nodes", "node_ids": [self._id]}}
        command = self._operator.call("POST", "/api/v1/commands", body)["data"]["id"]
        found: list[Json] = []

        def is_done() -> bool:
            found[:] = self._operator.executions_of(command)
            return [each["status"] for each in found] == ["completed"]

        self._wait("the command's result", is_done)
        self._say(f"the command said: {found[0]['output'].strip()}")

    def _until(self, status: str) -> None:
        def is_there() -> bool:
            time.sleep(POLL_SECONDS)
            self._tell(self._operator.call("GET", f"{INSTANCES}/{self._id}"))
            return self._status == status

        self._wait(f"status {status} of the instance", is_there)

    def _tell(self, instance: Json) -> None:
        if instance["status"] != self._status:
            self._status = instance["status"]
            reason = f" ({instance['statusReason']})" if instance.get("statusReason") else ""
            self._say(f"{self._status}{reason}")

    def _is_no_node(self) -> bool:
        try:
            self._operator.call("GET", f"/api/v1/nodes/{self._id}")
        except ApiError as error:
            return ": 404 " in str(error)
        return False

    def _say(self, text: str) -> None:
        print(f"  {time.monotonic() - self._began:5.1f} s  {text}", flush=True)

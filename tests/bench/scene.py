"""An application with one of everything, made by its own routes, in which each operation can be asked once."""

from collections.abc import Mapping
from copy import copy
from typing import Any, Self

from chalicelib.fleet.api import API
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.tables import Call
from chalicelib.platform.webhooks.store import DELIVERIES
from tests.bench.local_figures import Written
from tests.contract.application import Application
from tests.contract.bodies import BODIES, REGISTRATION
from tests.support.client import HttpAnswer

ENDPOINTS = {endpoint.view.__name__: endpoint for endpoint in API.endpoints()}
"""Every operation of the API by the name of its view."""

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUkAEy+tyI0QuAVoeCjGTYqcSYJBbc2Xvz4X2k+0W0q"
WEBHOOK = {
    "url": "https://hooks.example/a",
    "secret": "a-cryptographically-random-32-byte-secret",
    "subscribed_events": ["edge.node.registered"],
}

SENT: Mapping[str, Mapping[str, Any]] = {
    **BODIES,
    "create_api_key": {"name": "nightly report", "permissions": ["api_keys:write"]},
    "update_api_key": {"name": "weekly report"},
    "rotate_api_key": {},
    "create_self_update_request": {"targeting": {"type": "all"}},
    "create_ssh_username": {"username": "deploy", "public_keys": [{"key_name": "laptop", "public_key": SSH_KEY}]},
    "create_ssh_public_key": {"key_name": "desk", "public_key": SSH_KEY.replace("IHUk", "IHUl")},
    "create_ssh_group_user": {
        "cluster_name": "north",
        "username": "deploy",
        "public_keys": [{"key_name": "laptop", "public_key": SSH_KEY}],
    },
    "update_ssh_group_user": {"public_keys": [{"key_name": "desk", "public_key": SSH_KEY.replace("IHUk", "IHUl")}]},
    "save_script": {
        "script_text": 'systemctl restart "$UNIT"',
        "parameters": [{"name": "UNIT", "type": "enum", "values": ["nginx", "sshd"], "required": True}],
    },
    "run_script": {"parameters": {"UNIT": "nginx"}, "targeting": {"type": "all"}},
    "save_secret": {"value": "not-a-real-value", "description": "Of the reporting user"},
    "create_webhook": WEBHOOK,
    "rotate_webhook_secret": {"secret": "another-cryptographically-random-secret!"},
    "redeliver_failed": {"since": "2026-11-21T00:00:00Z"},
    "push_metrics": {"metrics_type": "host", "metrics_text": "node_load1 0.3\n"},
    "verify_ssh_credentials": {"username": "operator", "public_key": SSH_KEY},
}
"""What each operation with a body is sent where a case says nothing else."""


class Scene:
    """``variables`` lead to one row of each kind. ``written`` is every write since it was made."""

    def __init__(self, **settings: Any) -> None:
        self.app = Application(**settings)
        self.world = self.app.world
        self.variables = self.app.variables
        self._have("ssh_username_id", "create_ssh_username", username="operator")
        self._have("ssh_public_key_id", "create_ssh_public_key")
        self._have("ssh_group_user_id", "create_ssh_group_user", username="operator")
        self._have("self_update_request_id", "create_self_update_request")
        self.variables["script_name"] = "restart-unit"
        self.ask("save_script", json={**SENT["save_script"], "description": "as it was first"})
        self.variables["secret_name"] = "reporting-password"
        self.ask("save_secret", json={**SENT["save_secret"], "value": "the-value-before-this-one"})
        self._have("webhook_id", "create_webhook")
        self._have("schedule_id", "create_schedule")
        self._have("api_key_id", "create_api_key")
        self.ask("send_test_event")
        self.world.settle()
        (delivery,) = self.world.driver.rows(DELIVERIES)
        self.variables |= {"delivery_id": str(delivery["id"]), "asset_name": "none"}
        self.app.hear()
        self._watch()

    def copy(self) -> Self:
        """Another application with the same in it (`World.copy`)."""
        twin = copy(self)
        twin.app = self.app.copy()
        twin.world, twin.variables = twin.app.world, twin.app.variables
        twin._watch()  # noqa: SLF001 - one of its own class
        return twin

    def _watch(self) -> None:
        self.written: list[Written] = []
        self.world.driver.on_write = lambda operation, plan: self.written.append(Written.of(operation, plan))

    def request(self, view: str, *, variables: Mapping[str, str] | None = None, **options: Any) -> HttpAnswer:
        """The operation with what `SENT` has for it, unless ``options`` (of `Client.request`) say otherwise."""
        endpoint = ENDPOINTS[view]
        if endpoint.has_body and "json" not in options:
            options["json"] = SENT[view]
        return self.app.call(endpoint, path=self.app.path_of(endpoint, **(variables or {})), **options)

    def ask(self, view: str, **options: Any) -> HttpAnswer:
        """The answer of `request`. Raises RuntimeError unless it succeeds."""
        answer = self.request(view, **options)
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{view} answered {answer.status}: {answer.text[:300]}")
        return answer

    @property
    def calls(self) -> list[Call]:
        """Of the last request."""
        return self.world.driver.meter.calls

    def finish_all(self) -> None:
        """Every execution is final."""
        for row in self.ask("list_executions").data:
            self.world.fleet.commands.executions.cancel(row["id"], reach=EVERYWHERE)
        self.world.settle()

    def registration(self) -> dict[str, Any]:
        """The body of a new machine that has been verified."""
        blob = self.ask("create_key", json={}).data["key"]
        verified = self.ask("verify_key", json={"key": blob, "node_id": REGISTRATION["node_id"]})
        return {**REGISTRATION, "registration_token": verified.data["netmaker_key"]}

    def _have(self, variable: str, view: str, **fields: Any) -> None:
        self.variables[variable] = str(self.ask(view, json={**SENT[view], **fields}).data["id"])
        self.world.settle()

"""The few operator calls that the demo and `make up` make, over HTTP as any operator would."""

import json
import urllib.error
import urllib.request
from typing import Any

Json = dict[str, Any]

TIMEOUT_SECONDS = 30


class ApiError(Exception):
    """The API refused. The text is its status and its answer."""


class Operator:
    """A client of the operator API. Raises `ApiError` for every answer that is not 2xx."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self.key = key

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """One request; returns the whole answer, ``{}`` when it has no body."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, headers=headers, method=method)  # noqa: S310 - local
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - our own address
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ApiError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        return json.loads(text) if text else {}

    def create_cluster(self, name: str) -> Json:
        return self._data("POST", "/api/v1/clusters", {"name": name})

    def create_enrollment_key(self, cluster: str, uses: int) -> str:
        """The key itself, to be handed to machines."""
        path = f"/api/v1/clusters/{cluster}/enrollment_keys"
        return str(self._data("POST", path, {"name": "sample agents", "uses_remaining": uses})["key"])

    def run_on_all(self, text: str) -> Json:
        """The new command, for every node."""
        return self._data("POST", "/api/v1/commands", {"command_text": text, "targeting": {"type": "all"}})

    def create_webhook(self, url: str, secret: str, event_types: list[str]) -> Json:
        body = {"url": url, "secret": secret, "subscribed_events": event_types}
        return self._data("POST", "/api/v1/webhooks", body)

    def executions_of(self, command_id: str) -> list[Json]:
        """Up to 100 executions of a command."""
        path = f"/api/v1/command_executions?command_id={command_id}&page_size=100"
        return list(self.call("GET", path)["data"])

    def nodes(self) -> list[Json]:
        """Up to 100 nodes."""
        return list(self.call("GET", "/api/v1/nodes?page_size=100")["data"])

    def _data(self, method: str, path: str, body: Json) -> Json:
        return dict(self.call(method, path, body)["data"])

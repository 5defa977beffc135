"""The host of local machines as the provider sees it, without processes. Nothing enrols by itself."""

import json
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.outbound import Answer, Call
from tests.support.fakes.clock import FakeClock

HOST = "machines.test"
URL = f"http://{HOST}/secret-path"

_PATH = re.compile(r"/secret-path/machines(?:/(?P<id>[^/]+)(?:/(?P<act>start|stop|reset|console))?)?")


class FakeMachineHost:
    """``machines`` by the id of the instance, as the host describes them; ``keys`` are those of their agents."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.machines: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.resets: list[str] = []
        self.down = False
        self._generations: dict[str, int] = {}

    def answer(self, call: Call) -> Answer:
        """The answer to a request."""
        if self.down:
            return Answer(503)
        found = _PATH.fullmatch(call.target.path)
        if found is None:
            return Answer(404)
        body = json.loads(call.body or b"{}")
        instance, act = found["id"], found["act"]
        if instance is None:
            return _json({"machines": list(self.machines.values())})
        if call.method == "PUT":
            return _json(self._launched(instance, body))
        if instance not in self.machines:
            return Answer(404)
        if call.method == "DELETE":
            return _json(self.machines.pop(instance))
        if act == "console":
            return _json({"output": f"console of {instance}"})
        return _json(self._acted(instance, str(act), int(body["generation"])))

    def _launched(self, instance: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        if wanted["agent"] is not None:
            self.keys.setdefault(instance, wanted["agent"]["key"])
        return self.machines.setdefault(
            instance,
            {
                "instance": instance,
                "id": f"local-{instance}",
                "tenant": wanted["tenant"],
                "zone": wanted["zone"],
                "since": to_seconds_text(self._clock.now()),
                "state": "running",
                "address": "127.0.0.1",
                "reason": "",
            },
        )

    def _acted(self, instance: str, act: str, generation: int) -> Mapping[str, Any]:
        machine = self.machines[instance]
        if act == "reset":
            if generation > self._generations.get(instance, 0):
                self.resets.append(instance)
        else:
            machine["state"] = {"start": "running", "stop": "stopped"}[act]
        self._generations[instance] = generation
        return machine


def _json(content: Mapping[str, Any]) -> Answer:
    return Answer(200, json.dumps(content).encode())

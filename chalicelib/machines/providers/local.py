"""Processes as machines, for a local cloud: an agent that is started and stopped by a host on the same machine.

It shows the life of an instance on a laptop, and proves nothing about EC2. The host (`infra.local.machine_host`) knows
what it runs; a machine that it does not know is gone.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.kit.outbound import Caller, NoAnswerError, UrlRefusedError
from chalicelib.machines.providers.ports import Launch
from chalicelib.platform.provisioning.model import Observation, Resource, Seen, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError

Json = Mapping[str, Any]

SECONDS = 10.0
ANSWER_BYTES = 1024 * 1024

_SEEN = {
    "running": Seen.READY,
    "stopping": Seen.STOPPING,
    "stopped": Seen.STOPPED,
    "ending": Seen.ENDING,
}
_OK = range(200, 300)
_CLIENT_ERRORS = range(400, 500)
_NOT_FOUND = 404


class LocalMachines:
    """``url`` is the address of the host, with the token that lets in who knows it."""

    def __init__(self, caller: Caller, url: str) -> None:
        self._caller = caller
        self._url = url.rstrip("/")

    def look(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        wanted = {each.id for each in resources}
        return {each["instance"]: _observed(each) for each in self._machines() if each["instance"] in wanted}

    def launch(self, launch: Launch) -> Mapping[str, str]:
        enrolment = launch.enrolment
        agent = None
        if enrolment is not None:
            agent = {"server_url": enrolment.server_url, "key": enrolment.key.reveal(), "node_id": enrolment.node_id}
        body = {"tenant": launch.tenant, "name": launch.name, "zone": launch.zone, "agent": agent}
        return {"id": str(self._call("PUT", f"/machines/{launch.id}", body)["id"])}

    def start(self, resource: Resource) -> None:
        self._act(resource, "start")

    def stop(self, resource: Resource) -> None:
        self._act(resource, "stop")

    def resize(self, resource: Resource) -> None:  # noqa: ARG002 - the interface's
        """See `Provider.resize`. A process has no size."""
        raise RefusedError("a local machine is a process, which has no size: create another instance")

    def regroup(self, resource: Resource, groups: Sequence[str]) -> None:
        """See `Provider.regroup`. A process is in no network of its own."""

    def reset(self, resource: Resource) -> None:
        """See `Provider.reset`. The host does it once for each generation."""
        self._act(resource, "reset")

    def terminate(self, resource: Resource) -> None:
        self._call("DELETE", f"/machines/{resource.id}")

    def tagged(self) -> Iterable[Tagged]:
        """See `Provider.tagged`. A process has no price."""
        for each in self._machines():
            yield Tagged(
                tenant=each["tenant"],
                resource_id=each["instance"],
                external_id=each["id"],
                since=each["since"],
                zone=each["zone"],
            )

    def console(self, resource: Resource) -> str | None:
        return self._call("GET", f"/machines/{resource.id}/console").get("output") or None

    def _act(self, resource: Resource, act: str) -> None:
        self._call("POST", f"/machines/{resource.id}/{act}", {"generation": resource.generation})

    def _machines(self) -> Sequence[Json]:
        machines: Sequence[Json] = self._call("GET", "/machines")["machines"]
        return machines

    def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        """The answer of the host; {} if it knows no such machine."""
        sent = None if body is None else json.dumps(body).encode()
        headers = {"accept": "application/json"} | ({} if sent is None else {"content-type": "application/json"})
        try:
            answer = self._caller.send(method, f"{self._url}{path}", headers, sent)
        except NoAnswerError:
            raise AgainLaterError("the host of local machines did not answer") from None
        except UrlRefusedError:
            raise RefusedError("LOCAL_MACHINES_URL is no address of a host: start the local cloud again") from None
        if answer.status == _NOT_FOUND:
            return {}
        if answer.status in _CLIENT_ERRORS:
            raise RefusedError(f"the host of local machines refused this ({answer.status})")
        if answer.status not in _OK or not answer.is_whole:
            raise AgainLaterError(f"the host of local machines failed ({answer.status})")
        parsed: Json = json.loads(answer.body)
        return parsed


def _observed(machine: Json) -> Observation:
    seen = _SEEN.get(machine["state"], Seen.BECOMING)
    facts = {"external_ip": None, "internal_ip": machine["address"] if seen is Seen.READY else None}
    return Observation(seen, {"id": machine["id"]}, facts, machine["reason"])

"""`Exports`: exports of nodes' logs. The agent uploads them; if it is away, they come from its machine's console."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.fleet.public import NodeFacts, Result
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.errors import found
from chalicelib.kit.ids import Ids
from chalicelib.kit.objects import Objects
from chalicelib.machines.hosted.export_model import Export, ExportState
from chalicelib.machines.hosted.export_store import ExportStore
from chalicelib.machines.hosted.rules import next_look, wait_seconds

KEPT = timedelta(days=7)
"""How long an export and its objects are kept."""

LINK_SECONDS = 3600
"""How long a link to read an object is good."""

UPLOAD_SECONDS = 900
"""How long the agent may begin its upload, and how long it is waited for."""

COMMAND_SECONDS = 300
"""The timeout of the command that gathers and uploads the files."""

_HEALTHY = "healthy"
_OPEN = frozenset({"pending", "sent"})
"""The statuses of an execution without a result."""


class Fleet(Protocol):
    """The part of `fleet.public.FleetAccess` that is used."""

    def find_nodes(self, node_ids: Sequence[str]) -> Mapping[str, NodeFacts]: ...

    def run(
        self, node_ids: Sequence[str], command: str, timeout_seconds: int, expires_at: datetime, *, token: str
    ) -> str: ...

    def result(self, command_id: str, node_id: str) -> Result | None: ...


class Exports:
    """``exports_of`` gives the exports of a tenant, ``console_of`` what the machine of a node last wrote to its
    console, None if there is nothing."""

    def __init__(
        self,
        exports_of: Callable[[str], ExportStore],
        objects: Objects,
        fleet: Callable[[], Fleet],
        console_of: Callable[[str, str], str | None],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._exports_of = exports_of
        self._objects = objects
        self._fleet = fleet
        self._console_of = console_of
        self._clock = clock
        self._ids = ids

    def begin(self, tenant: str, node_id: str) -> Export:
        """Ask for an export. The change stream has it carried out."""
        now = self._clock.now()
        text = to_seconds_text(now)
        export = Export(
            id=self._ids.uuid7(now),
            node_id=node_id,
            due_at=text,
            deadline_at=to_seconds_text(now + timedelta(seconds=UPLOAD_SECONDS)),
            inserted_at=text,
            updated_at=text,
            expires_epoch=int((now + KEPT).timestamp()),
        )
        self._exports_of(tenant).add(export)
        return export

    def get(self, tenant: str, node_id: str, export_id: str) -> Export:
        """Raises `EdgeError` (not found), also for an export that is over."""
        export = found(self._exports_of(tenant).find(node_id, export_id))
        return found(export if export.expires_epoch > self._clock.now().timestamp() else None)

    def links(self, export: Export) -> list[str]:
        """Links with which any client can read the objects of an export, for `LINK_SECONDS`."""
        return [self._objects.link(key, LINK_SECONDS) for key in export.keys]

    def run(self, tenant: str, node_id: str, export_id: str) -> int | None:
        """Go on with an export; may be repeated. Returns the seconds until it should be looked at again. Raises
        `EdgeError` (service unavailable) to be repeated later."""
        exports = self._exports_of(tenant)
        export = exports.find(node_id, export_id)
        if export is None or not export.is_open:
            return None
        moved = self._moved(tenant, export)
        is_waiting = exports.replace(export, moved, "log_export.progressed") and moved.is_open
        return wait_seconds(moved.attempts) if is_waiting else None

    def claim(self, tenant: str, node_id: str, export_id: str) -> bool:
        """Put off a due export before its message is sent; False if there is nothing to do, or another was faster."""
        exports = self._exports_of(tenant)
        export = exports.find(node_id, export_id)
        if export is None or export.due_at is None:
            return False
        put_off = export.model_copy(update={"due_at": next_look(self._clock.now(), export.attempts)})
        return exports.replace(export, put_off, "log_export.requeued")

    def _moved(self, tenant: str, export: Export) -> Export:
        if export.state is ExportState.ASKED:
            node = self._fleet().find_nodes([export.node_id]).get(export.node_id)
            is_there = node is not None and node.status == _HEALTHY
            return self._asked(tenant, export) if is_there else self._from_console(tenant, export)
        result = self._fleet().result(export.command_id, export.node_id)
        if result is not None and result.status not in _OPEN:
            if result.exit_code == 0:
                return self._changed(export, state=ExportState.READY, keys=(_upload_key(tenant, export),), due_at=None)
            return self._from_console(tenant, export)
        if to_seconds_text(self._clock.now()) > export.deadline_at:
            return self._from_console(tenant, export)
        return self._waiting(export)

    def _asked(self, tenant: str, export: Export) -> Export:
        """The command names a link that writes this one object, until its deadline."""
        link = self._objects.upload_link(_upload_key(tenant, export), UPLOAD_SECONDS)
        insecure = "" if link.startswith("https://") else " --insecure-http"
        command = f"$EDGE_AGENT logs --upload '{link}'{insecure}"
        deadline = parse_time(export.deadline_at)
        command_id = self._fleet().run([export.node_id], command, COMMAND_SECONDS, deadline, token=export.id)
        return self._waiting(export.model_copy(update={"state": ExportState.WAITING, "command_id": command_id}))

    def _from_console(self, tenant: str, export: Export) -> Export:
        text = self._console_of(tenant, export.node_id)
        if not text:
            reason = "the node's agent is away, and its machine has no console output"
            return self._changed(export, state=ExportState.FAILED, reason=reason, due_at=None)
        key = f"{_folder(tenant, export)}/console.txt"
        self._objects.write(key, text.encode(), "text/plain; charset=utf-8")
        return self._changed(export, state=ExportState.READY, keys=(key,), due_at=None)

    def _waiting(self, export: Export) -> Export:
        at = next_look(self._clock.now(), export.attempts)
        return self._changed(export, attempts=export.attempts + 1, due_at=at)

    def _changed(self, export: Export, **values: object) -> Export:
        return export.model_copy(update={**values, "updated_at": to_seconds_text(self._clock.now())})


def _folder(tenant: str, export: Export) -> str:
    return f"logs/{tenant}/{export.node_id}/{export.id}"


def _upload_key(tenant: str, export: Export) -> str:
    return f"{_folder(tenant, export)}/logs.txt.gz"

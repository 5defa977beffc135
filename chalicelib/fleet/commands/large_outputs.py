"""`LargeOutputs`: whole outputs in a bucket, beside the part in the row. No request or answer of ours has them."""

import base64
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Execution, Report
from chalicelib.fleet.commands.output import object_key
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import forbidden, found, not_found
from chalicelib.kit.objects import Objects
from chalicelib.kit.tables import Tables

STORED_BYTES_MAX = 16 * 1024 * 1024
"""The largest compressed output that is stored."""

UPLOAD_SECONDS = 900
"""How long an agent may begin its upload."""

LINK_SECONDS = 300
"""How long a link to read an output is good."""


@dataclass(frozen=True)
class Link:
    """A signed URL, and when it is over, in seconds text."""

    url: str
    expires_at: str


class LargeOutputs:
    """A stack without a bucket offers no uploads: agents then report as they always did."""

    def __init__(self, tables: Tables, objects: Objects, clock: Clock) -> None:
        self._executions = ExecutionStore(tables)
        self._objects = objects
        self._clock = clock

    def upload(self, node_id: str, execution_id: str, size_bytes: int, ref: str) -> Link:
        """A link for one upload of that many bytes with that SHA-256 (``ref``, hexadecimal), for the node that owns the
        execution, while its result would be taken. Raises `EdgeError` (not found, forbidden, conflict)."""
        execution = found(self._executions.get(execution_id))
        if execution.node_id != node_id:
            raise forbidden()
        if not rules.takes_result(execution):
            raise rules.report_refused(execution.status, execution.exit_code)
        if not self._objects.exist:
            raise not_found()
        key = object_key(execution_id, ref)
        return self._link(
            self._objects.bound_upload_link(key, size_bytes, checksum_of(ref), UPLOAD_SECONDS), UPLOAD_SECONDS
        )

    def checked(self, execution_id: str, report: Report) -> Report:
        """The report, without the name of an object that is not there. Raises `EdgeError` (service unavailable)."""
        ref = report.output_ref
        if ref is None or self._objects.holds(object_key(execution_id, ref)):
            return report
        return replace(report, output_ref=None)

    def download(self, execution: Execution) -> Link | None:
        """A link to the whole output of an execution; None if it was never stored, or is over. Raises `EdgeError`
        (service unavailable)."""
        if execution.output_ref is None:
            return None
        key = object_key(execution.id, execution.output_ref)
        return (
            self._link(self._objects.gzip_link(key, LINK_SECONDS), LINK_SECONDS) if self._objects.holds(key) else None
        )

    def forget(self, key: str) -> None:
        """Delete the output of an execution that is gone. May be repeated. Raises `EdgeError` (service unavailable)."""
        self._objects.delete(key)

    def _link(self, url: str, seconds: int) -> Link:
        return Link(url, to_seconds_text(self._clock.now() + timedelta(seconds=seconds)))


def checksum_of(ref: str) -> str:
    """The hash as S3 takes it: base64 of its bytes."""
    return base64.b64encode(bytes.fromhex(ref)).decode()

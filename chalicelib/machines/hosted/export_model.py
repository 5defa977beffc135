"""An export of a node's logs."""

from enum import StrEnum

from pydantic import BaseModel


class ExportState(StrEnum):
    """`ASKED`: nothing has been done yet; `WAITING`: the agent gathers its files."""

    ASKED = "asked"
    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class Export(BaseModel, frozen=True):
    """An export of the logs of a node. ``keys`` are the objects in the bucket, ``command_id`` the command that gathers
    them, ``reason`` tells why there are none. ``due_at`` is when a worker looks at it again. Times are seconds text."""

    id: str
    node_id: str
    state: ExportState = ExportState.ASKED
    reason: str = ""
    command_id: str = ""
    keys: tuple[str, ...] = ()
    attempts: int = 0
    due_at: str | None = None
    deadline_at: str
    inserted_at: str
    updated_at: str
    expires_epoch: int
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is still to be carried out."""
        return self.state in {ExportState.ASKED, ExportState.WAITING}

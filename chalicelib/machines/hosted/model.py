"""A hosted node and its builds. A build is one action on a node, with its phases and outcome."""

from enum import StrEnum

from pydantic import BaseModel


class Status(StrEnum):
    """The status of a node. A stopped one is `PAUSED`; one that is made, upgraded, stopped or destroyed `IN_PROGRESS`.
    The published document has `DESTROING` too, which no node is."""

    IN_PROGRESS = "IN_PROGRESS"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FAILED = "FAILED"
    DESTROING = "DESTROING"
    DESTROYED = "DESTROYED"


class Action(StrEnum):
    """The purpose of a build."""

    CREATE = "CREATE"
    START = "START"
    STOP = "STOP"
    UPGRADE = "UPGRADE"
    SETTINGS = "SETTINGS"
    DESTROY = "DESTROY"


class Phase(StrEnum):
    """The phase that a build is in. Each action goes through some of them, in this order."""

    SUBMITTED = "SUBMITTED"
    PROVISIONING = "PROVISIONING"
    """Its machine is made or started."""
    ENROLLING = "ENROLLING"
    """The machine is there, its agent is awaited."""
    CONFIGURING = "CONFIGURING"
    """The node is changed, stopped or removed."""
    COMPLETED = "COMPLETED"


class BuildStatus(StrEnum):
    """The outcome of a build, `IN_PROGRESS` until there is one."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class Build(BaseModel, frozen=True):
    """One action. ``number`` counts the node's actions from 1. ``reason`` tells why it failed, or what it waits for.
    ``webhook_url`` is the receiver that SETTINGS sets, "" for none. Times are seconds text."""

    id: str
    action: Action
    number: int
    status: BuildStatus = BuildStatus.IN_PROGRESS
    phase: Phase = Phase.SUBMITTED
    reason: str = ""
    webhook_url: str = ""
    begun_at: str
    deadline_at: str
    ended_at: str | None = None

    @property
    def is_under_way(self) -> bool:
        return self.status is BuildStatus.IN_PROGRESS


class HostedNode(BaseModel, frozen=True):
    """A hosted node. Its machine is the instance of the same id, and so is its node in the fleet.

    ``network`` is the label that its owner chose, ``cluster_name`` the cluster that it joins. ``webhook_url`` is the
    receiver of its webhook, "" for none; ``told`` the status that was last sent there; ``webhook_until`` is when the
    webhook of a node that is gone ends, ``expires_epoch`` (seconds since 1970) when its row goes. ``program`` is the
    version that it runs, "" while that is unknown. ``builds`` are the last ones, the newest at the end. ``due_at`` is
    when a worker looks at it again, None while it needs none. Times are seconds text.
    """

    id: str
    owner: str
    name: str
    network: str
    cluster_name: str
    template_id: str
    zone: str
    webhook_url: str = ""
    status: Status
    reason: str = ""
    told: str = ""
    is_initialized: bool = False
    program: str = ""
    builds: tuple[Build, ...]
    attempts: int = 0
    due_at: str | None = None
    webhook_until: str | None = None
    expires_epoch: int | None = None
    inserted_at: str
    updated_at: str
    version: int = 0

    @property
    def build(self) -> Build:
        """The newest build."""
        return self.builds[-1]


class NewNode(BaseModel, frozen=True):
    """A hosted node as a caller asks for it."""

    name: str
    network: str
    webhook_url: str = ""

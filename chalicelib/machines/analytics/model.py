"""The models of analytics: entries made of facts, questions and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel


class Dataset(StrEnum):
    """The parts of the history of an instance."""

    TOPICS = "topics"
    SIGNALS = "signals"
    GAPS = "gaps"
    USAGE = "usage"


class Interval(StrEnum):
    """The length of the periods that figures are shown for; its value begins the key of their rows."""

    HOUR = "hour"
    DAY = "day"


class Topic(StrEnum):
    """The type of an event."""

    NODE_ENROLLED = "node.enrolled"
    NODE_DELETED = "node.deleted"
    NODE_STATUS = "node.status_changed"
    NODE_VERSION = "node.version_changed"
    NODE_MOVED = "node.cluster_changed"
    COMMAND_SUCCEEDED = "command.succeeded"
    COMMAND_FAILED = "command.failed"
    COMMAND_CANCELLED = "command.cancelled"
    COMMAND_EXPIRED = "command.expired"
    LOGIN_REFUSED = "login.refused"
    METRICS_PUSHED = "metrics.pushed"
    INSTANCE_STATE = "instance.state_changed"


class Contact(StrEnum):
    """Whether the agent of a node was in contact."""

    UP = "up"
    DOWN = "down"
    ABSENT = "absent"
    """There was no node."""


@dataclass(frozen=True)
class Transition:
    """The contact with a node changed. ``at`` is when that was written, ``since`` from when it holds: silence is
    noticed later than it begins. Transitions are ordered by ``key``."""

    key: str
    at: datetime
    since: datetime
    before: Contact
    after: Contact


@dataclass(frozen=True)
class Standing:
    """The latest state of an instance or of its node, for the row of the instance. A standing replaces those with a
    lower ``key``. ``state`` "" : it is gone."""

    key: str
    state: str
    cluster_name: str = ""
    name: str = ""


@dataclass(frozen=True)
class Made:
    """An instance as its row tells it: whose it is, and its name."""

    tenant: str
    name: str


@dataclass(frozen=True)
class Owner:
    """The owner of an instance, or of a node that is not one. ``is_new``: nothing of it was recorded before.
    ``is_ending``: it was gone when it was last looked at."""

    id: str
    tenant: str
    is_instance: bool = False
    name: str = ""
    is_new: bool = False
    is_ending: bool = False


@dataclass(frozen=True)
class Entry:
    """The content of a fact about an instance.

    ``id`` is the fact's, the same when it is repeated. ``text`` is that of a signal, "" if it is not one. ``figures``
    are added to those of the hour and the day. ``resource`` and ``node`` are the standing that it gives; ``made`` is
    the instance, where the fact names it.
    """

    id: str
    instance_id: str
    topic: Topic
    at: datetime
    text: str = ""
    figures: Mapping[str, int] = field(default_factory=dict)
    transition: Transition | None = None
    resource: Standing | None = None
    node: Standing | None = None
    made: Made | None = None


class Instance(BaseModel, frozen=True):
    """An instance, or a node that is not one. Times are seconds text. ``state`` is that of the instance, ``status``
    that of its node; "" for what is not there, or is gone."""

    id: str
    name: str = ""
    is_instance: bool = False
    state: str = ""
    status: str = ""
    cluster_name: str = ""
    inserted_at: str
    deleted_at: str | None = None
    expires_epoch: int | None = None


@dataclass(frozen=True)
class NodeSeen:
    """A node as it is now, for one of which no transition is known. Times are seconds text."""

    is_reachable: bool
    enrolled_at: str
    last_seen_at: str


@dataclass(frozen=True)
class Kept:
    """How long signals and the figures of hours are kept, and how long gaps and the figures of days."""

    hours: timedelta
    days: timedelta


@dataclass(frozen=True)
class Span:
    """A time from ``start`` to before ``end``."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class Gap:
    """A time without contact. ``end`` None: it goes on."""

    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class Signal:
    """A notable change, in words."""

    at: str
    topic: Topic
    text: str


@dataclass(frozen=True)
class TopicCount:
    """How often events of a type happened in a period."""

    span: Span
    topic: Topic
    count: int


@dataclass(frozen=True)
class Host:
    """Averages of the figures that a machine has pushed; None for what it did not tell."""

    samples: int
    load: float | None
    memory_percent: float | None
    disk_percent: float | None


@dataclass(frozen=True)
class Usage:
    """The work of an instance in a period. ``uptime_share`` is the part of the time with a node in which that was in
    contact; None without such time."""

    span: Span
    commands: int
    failed: int
    run_seconds: float
    output_bytes: int
    contact_seconds: float
    silent_seconds: float
    host: Host | None

    @property
    def uptime_share(self) -> float | None:
        known = self.contact_seconds + self.silent_seconds
        return round(self.contact_seconds / known, 4) if known else None


@dataclass(frozen=True)
class Summary:
    """An instance at a glance: its work of a day and of 30 days, until now, with the types of events of those; the
    gap that goes on, and the latest signals, newest first."""

    instance: Instance
    day: Usage
    month: Usage
    topics: Sequence[TopicCount]
    gap: Gap | None
    signals: Sequence[Signal]

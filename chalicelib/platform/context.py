"""The declarations of contexts and families, over which all other code iterates.

A context exports `CONTEXT` from its ``context.py``; a family collects its contexts, in the order in which they may
import each other, and exports `FAMILY` from ``chalicelib/<family>/family.py``. These modules are light: they name
tables and pure functions, and give handlers, services and routes as dotted names that are imported when used.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.kit.changes import Change
from chalicelib.kit.queues import Message, Queue
from chalicelib.kit.tables import Item, Query, Ref, Table
from chalicelib.platform.buckets import Bucket
from chalicelib.platform.bus_rules import ProviderEvents, Subscription
from chalicelib.platform.counted import Counted, EventCounters

if TYPE_CHECKING:
    from chalicelib.platform.access.permissions import Permission
    from chalicelib.platform.provisioning.ports import Kind

Services = Any
"""The container of a family: `Family.services` builds it."""


# --- The effects of a change of a row ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Send:
    """One message for a queue. Where the queue has a courier (`Context.couriers`), the courier packs and sends it."""

    queue: Queue
    message: Message


@dataclass(frozen=True)
class Event:
    """A fact: ``type`` is one of the catalogue's, or the name of an internal event; ``data`` holds no secret. ``about``
    is the id of its subject, where the row that changed has no ``id``."""

    type: str
    data: Mapping[str, Any]
    about: str = ""


Rows = Callable[[Ref], Item | None]
"""Finds a row among those that the events of a batch needed."""

Reaction = Callable[[Change], Iterable[Send]]
"""Pure: the messages that a change asks for."""


@dataclass(frozen=True)
class Events:
    """The events of a context's changes. ``of`` is pure; ``needs`` names the further rows that it reads, in one call
    for a whole batch."""

    of: Callable[[Change, Rows], Iterable[Event]]
    needs: Callable[[Change], Iterable[Ref]] = lambda _change: ()


# --- Work ----------------------------------------------------------------------------------------------------------

Step = Callable[[Services, Message], str | None]
"""One chunk of a task, with the container of its family: returns the cursor of the next, None at the end."""


@dataclass(frozen=True)
class Task:
    """Work in the background that is done in chunks. ``park`` notes a cursor in a row that the work has for it, and
    returns False if another pass is ahead; without it the row of the task notes it (`kit.tasks`)."""

    step: Step
    park: Callable[[Services, Message, str], bool] | None = None


def by_cursor(chunk_of: Callable[[Services], Callable[[str, str | None], str | None]]) -> Task:
    """A task whose chunks need the ``id`` of the message and a cursor: ``chunk_of`` finds their method in the
    container."""
    return Task(lambda services, message: chunk_of(services)(message["id"], message.get("cursor")))


class Role(StrEnum):
    """The role of a deployed stack. The core is deployed once and runs every function; a further stack shares its
    tables, answers the API and delivers to the clusters that it owns."""

    CORE = "core"
    FURTHER = "further"


@dataclass(frozen=True)
class QueueSource:
    """Started by messages. ``concurrency`` bounds the copies at work, so that a fan-out cannot starve the API."""

    queue: Queue
    concurrency: int
    batch_size: int = 10


@dataclass(frozen=True)
class StreamSource:
    """Started by the change streams of the family's tables."""

    batch_size: int = 100


@dataclass(frozen=True)
class ScheduleSource:
    """Started by the clock. Those that run less often than each minute mend what others left: each failure rings."""

    every: timedelta = timedelta(minutes=1)

    @property
    def is_rare(self) -> bool:
        return self.every > timedelta(minutes=1)


@dataclass(frozen=True)
class HttpSource:
    """Started by the REST API."""


@dataclass(frozen=True)
class WebSocketSource:
    """Started by the WebSocket API."""


Source = QueueSource | StreamSource | ScheduleSource | HttpSource | WebSocketSource

EVERY_STACK = tuple(Role)

GET = frozenset({"GetItem"})
BATCH_GET = frozenset({"BatchGetItem"})
QUERY = frozenset({"Query"})
PUT = frozenset({"PutItem"})
UPDATE = frozenset({"UpdateItem"})
DELETE = frozenset({"DeleteItem"})
CHECK = frozenset({"ConditionCheckItem"})
"""DynamoDB's actions. A transaction is authorised as the single writes that it holds, ConditionCheckItem included."""


VALUES = "families"
"""In `Function.loads`: the values of all contexts that are deployed, and what these import."""


@dataclass(frozen=True)
class Function:
    """A Lambda function. ``handler`` is the dotted name that is deployed; ``loads`` names the contexts, separated by
    spaces, that it may have imported once it has started (the import budget), or `VALUES`. More memory also means more
    processor. With ``reaches_nodes`` or the mesh it runs in the network that a deployer names."""

    name: str
    handler: str
    source: Source
    timeout_seconds: int
    memory_mb: int = 512
    roles: tuple[Role, ...] = (Role.CORE,)
    reaches_nodes: bool = False
    loads: str = ""


@dataclass(frozen=True)
class Grants:
    """The AWS permissions of a context's code within one function. A function's role gets the union of all contexts'.

    ``tables`` maps a table's name to DynamoDB actions. Query means the indexes, or the table if it has none. ``sends``
    and ``counts`` name queues that it may send to, and ask about together with their dead letters;
    ``buckets`` are those whose objects it reads and writes, which also lets it make links to them, ``empties`` those
    whose objects it deletes, ``assembles`` those in which it puts objects together of parts;
    ``sends_to_owners`` is for the delivery queues of all further stacks of the stage;
    ``reads_keys`` opens the API keys; ``decrypts`` uses the stage's data key, ``makes_data_key`` makes it;
    ``signs`` signs with the stage's asymmetric keys, ``reads_public_keys`` reads their public halves;
    ``hands_out_agent`` reads the agent's archives, which also lets it make links to them. ``sends_mails`` sends by SES.
    ``describes_…`` looks at EC2 instances, at volumes with snapshots, or at VPCs with their parts; ``runs_machines``,
    ``keeps_disks`` and ``makes_networks`` make some, and act on those that carry the stage's tag; ``reads_consoles``
    reads the console output of those.
    ``describes_images`` looks at images of the account and at imports of files, ``makes_images`` has files imported and
    makes images of them.
    ``makes_buckets`` makes, changes and removes the buckets of tenants, ``finds_buckets`` finds which there are,
    ``keeps_objects`` reads and writes what is in them, which also lets it make links.
    ``reads_metrics`` reads the account's metrics in CloudWatch.
    """

    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sends: tuple[Queue, ...] = ()
    counts: tuple[Queue, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    empties: tuple[Bucket, ...] = ()
    assembles: tuple[Bucket, ...] = ()
    sends_to_owners: bool = False
    publishes: bool = False
    reads_keys: bool = False
    decrypts: bool = False
    makes_data_key: bool = False
    posts_to_sockets: bool = False
    signs: bool = False
    reads_public_keys: bool = False
    hands_out_agent: bool = False
    describes_machines: bool = False
    runs_machines: bool = False
    reads_consoles: bool = False
    describes_networks: bool = False
    makes_networks: bool = False
    describes_disks: bool = False
    keeps_disks: bool = False
    describes_images: bool = False
    makes_images: bool = False
    sends_mails: bool = False
    makes_buckets: bool = False
    finds_buckets: bool = False
    keeps_objects: bool = False
    reads_metrics: bool = False


# --- The values ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Context:
    """One part of a family: its tables, the effects of their changes, and the functions that work for it.

    - ``sealed``: the sealed attributes of each table, for a change of the data key.
    - ``counted``, ``recounts``: its totals that have fixed names, and those of single rows, over which a recount walks
      with the container of the family.
    - ``on_change``: the messages that a change asks for, of its tables and of those that it ``follows``. The relay asks
      only contexts that are ``enabled`` under the settings.
    - ``events``, ``event_counters``, ``ended``: the events of a change of its tables, the counters that it moves, and
      the total and time of a row that ended with it (`Counters.note_latest`).
    - ``couriers``: a queue to the function that packs and sends its messages. They go before all other messages.
    - ``tasks``: the ``kind`` of a background message to this context's part of the work. Several contexts may each do a
      part of one kind, in their order.
    - ``grants``: the name of a function to the permissions that this context's code needs in it.
    - ``subscriptions``, ``provider_events``: what is put into its queues from outside. A queue may have both.
    - ``buckets``: the buckets of its objects.
    - ``holds``: a tenant and the name of a quota -> the COUNT queries of its rows that take this quota.
    - ``kinds``: the kinds of resources that it has made outside, by the engine of `platform.provisioning`.
    """

    name: str
    tables: tuple[Table, ...] = ()
    sealed: Mapping[Table, tuple[str, ...]] = field(default_factory=dict)
    counted: tuple[Counted, ...] = ()
    event_counters: EventCounters | None = None
    ended: Callable[[Change], tuple[str, str] | None] | None = None
    recounts: Callable[[Services], Iterable[tuple[str, Sequence[Query]]]] | None = None
    queues: tuple[Queue, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    follows: tuple[Table, ...] = ()
    on_change: Reaction | None = None
    couriers: Mapping[Queue, Callable[[Services, Sequence[Message], str], None]] = field(default_factory=dict)
    events: Events | None = None
    tasks: Mapping[str, Task] = field(default_factory=dict)
    functions: tuple[Function, ...] = ()
    grants: Mapping[str, Grants] = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    provider_events: tuple[ProviderEvents, ...] = ()
    holds: Callable[[str, str], Sequence[Query]] | None = None
    kinds: "tuple[Kind, ...]" = ()
    enabled: Callable[[Any], bool] = lambda _settings: True


@dataclass(frozen=True)
class Family:
    """A family of APIs, which can be deployed by itself. ``contexts`` stand in the order in which they may import each
    other: a context knows only those before it. ``needs`` names families that are deployed with it. ``services`` is the
    dotted name of the class of its container, made from the platform's; ``api`` that of its `web.api.Api` values.
    ``permissions`` are those of its operations, ``event_types`` is its published catalogue, ``internal`` the types of
    its events for other families. ``functions`` are those that belong to no context: the one behind its REST API.
    ``guests`` names the part of its container that tells its callers to the other families
    (`platform.access.guests`)."""

    name: str
    contexts: tuple[Context, ...]
    services: str = ""
    api: str = ""
    functions: tuple[Function, ...] = ()
    needs: tuple[str, ...] = ()
    permissions: "tuple[Permission, ...]" = ()
    event_types: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()
    guests: str = ""

"""The functions of the application, one row each. The fragment, the grants and the local runner are generated from
them.

Names are those given to Chalice's decorators. Chalice turns ``clean_up`` into the resource ``CleanUp`` with the role
``CleanUpRole``; the function behind the REST API is the one exception (``APIHandler``, ``ApiHandlerRole``).
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from chalicelib.kit.queues import Queue

APP_NAME = "edge-admin"

API_STAGE = "api"
"""The stage of both API Gateway APIs; part of the URL on AWS."""

MAX_RECEIVES = 5
"""The number of attempts before a message goes to the dead-letter queue."""

VISIBILITY_TIMEOUTS = 6
"""Visibility of a queue in timeouts of its consumer (AWS Lambda developer guide, "Using Lambda with Amazon SQS")."""


class Role(StrEnum):
    """The role of a deployed stack. The core is deployed once and runs every function; a further stack shares its
    tables, answers the API and delivers to the clusters that it owns."""

    CORE = "core"
    FURTHER = "further"


@dataclass(frozen=True)
class QueueSource:
    """Invoked by messages of a queue. ``concurrency`` limits parallel invocations, so that a fan-out cannot starve the
    API."""

    queue: Queue
    concurrency: int
    batch_size: int = 10


@dataclass(frozen=True)
class StreamSource:
    """Invoked by the change streams of all tables that have one."""

    batch_size: int = 100


@dataclass(frozen=True)
class ScheduleSource:
    """Invoked by a schedule, as often as the handler's decorator says. Functions that run less than once a minute
    repair the leftovers of others: each of their failures raises an alarm."""

    every: timedelta = timedelta(minutes=1)

    @property
    def is_rare(self) -> bool:
        return self.every > timedelta(minutes=1)


@dataclass(frozen=True)
class HttpSource:
    """Invoked by the REST API."""


@dataclass(frozen=True)
class WebSocketSource:
    """Invoked by the WebSocket API."""


Source = QueueSource | StreamSource | ScheduleSource | HttpSource | WebSocketSource


@dataclass(frozen=True)
class Function:
    """A Lambda function and its resources. More memory also means more processor. ``roles`` are the stacks that it is
    part of; with ``reaches_nodes`` or the mesh it runs in the network that a deployer names."""

    name: str
    source: Source
    timeout_seconds: int
    memory_mb: int = 512
    roles: tuple[Role, ...] = (Role.CORE,)
    reaches_nodes: bool = False

    @property
    def resource(self) -> str:
        """Its logical id in the packaged template."""
        return "APIHandler" if self.name == "api_handler" else logical_id(self.name)

    @property
    def role(self) -> str:
        """The logical id of its role."""
        return f"{logical_id(self.name)}Role"

    @property
    def log_group(self) -> str:
        """The logical id of its log group."""
        return f"{logical_id(self.name)}Logs"


def logical_id(name: str) -> str:
    """Converts ``clean_up`` or ``clean-up`` to CloudFormation's ``CleanUp``."""
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


_EVERY_STACK = tuple(Role)

FUNCTIONS: tuple[Function, ...] = (
    # API Gateway gives up after 29 s; the function must end before, otherwise its answer is lost while its work
    # continues.
    Function("api_handler", HttpSource(), 28, memory_mb=1024, roles=_EVERY_STACK, reaches_nodes=True),
    Function("websocket_connect", WebSocketSource(), timeout_seconds=28),
    Function("websocket_message", WebSocketSource(), timeout_seconds=28),
    Function("websocket_disconnect", WebSocketSource(), timeout_seconds=28),
    Function("relay_changes", StreamSource(), timeout_seconds=60, memory_mb=1024),
    Function("create_executions", QueueSource(Queue.EXECUTION_CREATION, 20, batch_size=1), 60, memory_mb=1024),
    Function("deliver_commands", QueueSource(Queue.COMMAND_DELIVERY, 50), 30, roles=_EVERY_STACK, reaches_nodes=True),
    # One message at a time: a long pass uses the time of a whole invocation.
    Function("clean_up", QueueSource(Queue.CLEAN_UP, 10, batch_size=1), timeout_seconds=60),
    Function("trigger_updates", QueueSource(Queue.SELF_UPDATES, 10, batch_size=1), timeout_seconds=60),
    Function("publish_events", QueueSource(Queue.EVENTS, 20), timeout_seconds=30),
    # One message at a time, so that none waits behind a receiver that hangs for 10 s.
    Function("deliver_webhook", QueueSource(Queue.WEBHOOK_DELIVERIES, 200, batch_size=1), timeout_seconds=30),
    # Two at a time, the minimum that Lambda allows: a Netmaker server is a single machine.
    Function("settle_vpn", QueueSource(Queue.VPN, 2, batch_size=1), timeout_seconds=120, reaches_nodes=True),
    Function("sweep_commands", ScheduleSource(), timeout_seconds=120),
    Function("sweep_webhooks", ScheduleSource(), timeout_seconds=120),
    Function("check_health", ScheduleSource(), timeout_seconds=120),
    Function("heartbeat", ScheduleSource(), timeout_seconds=60, roles=_EVERY_STACK),
    Function("reconcile_vpn", ScheduleSource(timedelta(hours=1)), timeout_seconds=60),
    Function("prune_executions", ScheduleSource(timedelta(days=1)), timeout_seconds=60),
    Function("recount", ScheduleSource(timedelta(days=1)), timeout_seconds=900),
)


def function(name: str) -> Function:
    """The function of that name. Raises KeyError."""
    for candidate in FUNCTIONS:
        if candidate.name == name:
            return candidate
    raise KeyError(name)


def functions_of(role: Role) -> tuple[Function, ...]:
    """The functions of a stack."""
    return tuple(each for each in FUNCTIONS if role in each.roles)


def consumer_of(queue: Queue) -> Function | None:
    """The function that consumes the queue; None for a manual queue."""
    for candidate in FUNCTIONS:
        if isinstance(candidate.source, QueueSource) and candidate.source.queue is queue:
            return candidate
    return None

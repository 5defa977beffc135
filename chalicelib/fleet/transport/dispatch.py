"""Sends agent work to the queue of the stack that owns the cluster. Each stack has one queue and one worker
(`deliver_commands`) for all connections to machines. A message is about one of `deliveries`, `updates` and `metrics`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from chalicelib.fleet.commands.model import Waiting
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.kit.log import Level, Log
from chalicelib.kit.queues import A_MOMENT, Message, QueueError, Queues, batches, body_bytes

DELIVERIES_PER_MESSAGE = 20
"""Deliveries per message, which run in parallel: ten such messages end within a worker's 30 s even if no agent answers
a push, which takes 2 s."""

UPDATES_PER_MESSAGE = 20
"""Nodes that one message asks to update themselves: their rows and events are one transaction, their pushes go side by
side."""

IDS_PER_FRAME = 500
"""The maximum of ids in one wake-up frame: a frame of API Gateway holds 32 KB, an id takes 39 bytes with quotes and
comma."""

T = TypeVar("T")


@dataclass
class AgentWork:
    """The work to send to agents, collected by cluster. Sending an agent the same execution twice is harmless."""

    _deliveries: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    _commands: dict[str, str] = field(default_factory=dict)
    _updates: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _metrics: list[tuple[str, Message]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self._deliveries or self._updates or self._metrics)

    def deliver(
        self, cluster_name: str, node_id: str, kind: str, execution_ids: Iterable[str], command_id: str | None = None
    ) -> None:
        """Add executions for a node; ``kind`` is that of `transport.frames.Delivery`. With the command of all of them
        the agent is told the work itself."""
        ids = self._deliveries.setdefault((cluster_name, node_id, kind), [])
        new = [execution_id for execution_id in execution_ids if execution_id not in ids]
        ids.extend(new)
        if command_id is not None:
            self._commands |= dict.fromkeys(new, command_id)

    def remind(self, cluster_name: str, node_id: str, waiting: Waiting) -> None:
        """Add the executions that wait for a node or that it should cancel. An agent that is woken for some of them
        asks for all."""
        for kind, ids in (("executions", waiting.pending), ("cancel", waiting.to_cancel)):
            if ids:
                self.deliver(cluster_name, node_id, kind, ids[:IDS_PER_FRAME])

    def update(self, cluster_name: str, request_id: str, node_id: str) -> None:
        """Add the trigger of a node for that update request."""
        self._updates.setdefault((cluster_name, request_id), []).append(node_id)

    def fetch_metrics(self, cluster_name: str, node_id: str, types: Sequence[str], asked_at: str) -> None:
        """Add a fetch of a node's metrics of these types, to be stored in the cache. A caller has been waiting since
        ``asked_at``."""
        request = {"node_id": node_id, "types": list(types), "asked_at": asked_at}
        self._metrics.append((cluster_name, {"metrics": request}))

    def messages(self, queue_of: Callable[[str], str]) -> dict[str, list[Message]]:
        """The messages, by the queue that ``queue_of`` gives for a cluster."""
        deliveries: dict[str, list[Message]] = {}
        for (cluster_name, node_id, kind), ids in self._deliveries.items():
            delivery: Message = {"node_id": node_id, "kind": kind, "execution_ids": ids}
            deliveries.setdefault(queue_of(cluster_name), []).append(delivery)
        packed: dict[str, list[Message]] = {
            queue: [
                {"deliveries": chunk, **self._commands_of(chunk)}
                for chunk in batches(each, self._bytes_of, most_entries=DELIVERIES_PER_MESSAGE)
            ]
            for queue, each in deliveries.items()
        }
        updates: dict[tuple[str, str], list[str]] = {}
        for (cluster_name, request_id), node_ids in self._updates.items():
            updates.setdefault((queue_of(cluster_name), request_id), []).extend(node_ids)
        for (queue, request_id), node_ids in updates.items():
            packed.setdefault(queue, []).extend(
                {"updates": {"request_id": request_id, "node_ids": chunk}}
                for chunk in _chunks(node_ids, UPDATES_PER_MESSAGE)
            )
        for cluster_name, message in self._metrics:
            packed.setdefault(queue_of(cluster_name), []).append(message)
        return packed

    def _commands_of(self, deliveries: Sequence[Message]) -> dict[str, dict[str, str]]:
        """The commands of executions. Beside the deliveries: a stack of an earlier version passes over them."""
        ids = (row_id for delivery in deliveries for row_id in delivery["execution_ids"])
        known = {row_id: self._commands[row_id] for row_id in ids if row_id in self._commands}
        return {"commands": known} if known else {}

    def _bytes_of(self, delivery: Message) -> int:
        return body_bytes({**delivery, **self._commands_of([delivery])})


class Dispatch:
    """``queue_of`` names the queue of a cluster's owner, or nothing for the core's (`Ownership.queue_of`)."""

    def __init__(self, queues: Queues, queue_of: Callable[[str], str], log: Log) -> None:
        self._queues = queues
        self._queue_of = queue_of
        self._log = log

    def send(self, work: AgentWork, *, request_id: str | None = None) -> None:
        """Queue all work. If an owner's queue does not accept it, it goes to the core's: a deleted owner must not block
        the others. Raises `QueueError` for the core's queue, and passes on the client's errors."""
        own = self._without_others(work, request_id)
        self._queues.send(COMMAND_DELIVERY, own, request_id=request_id)

    def send_again(self, work: AgentWork, *, request_id: str | None = None) -> None:
        """`send` of deliveries that agents have been woken for, in case that got lost: after a moment, and then for
        executions alone that are still waiting. An owner gets them at once: it may push, as the request did not."""
        own = [{**message, "is_told": True} for message in self._without_others(work, request_id)]
        self._queues.send(COMMAND_DELIVERY, own, request_id=request_id, delay_seconds=A_MOMENT)

    def _without_others(self, work: AgentWork, request_id: str | None) -> list[Message]:
        """Hand over the messages for owners; returns those for the core's queue."""
        own = list[Message]()
        for url, messages in work.messages(self._queue_of).items():
            if not (url and self._is_handed_over(url, messages, request_id)):
                own += messages
        return own

    def offer(self, work: AgentWork) -> bool:
        """Queue work that only the owner can do. Returns False if its queue does not accept it; never raises."""
        queued = work.messages(self._queue_of).items()
        core = self._queues.url_of(COMMAND_DELIVERY)
        return all(self._is_handed_over(url or core, messages, None) for url, messages in queued)

    def _is_handed_over(self, url: str, messages: Sequence[Message], request_id: str | None) -> bool:
        try:
            self._queues.hand_over(url, messages, request_id=request_id)
        except QueueError as error:
            self._log.line("owner_not_reached", level=Level.WARNING, error=str(error), messages=len(messages))
            return False
        return True


def _chunks(values: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk

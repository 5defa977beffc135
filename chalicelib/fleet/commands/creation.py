"""`Creation`: executions of a command for some nodes, transaction by transaction and at a bounded rate."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Command, Execution, Status
from chalicelib.fleet.commands.store import execution_id
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.nodes.model import TargetNode
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.fleet.targeting.model import TargetType
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.tables import Tables

MOST_A_SECOND = 3000
"""The rate of one fan-out with all its parts, in executions per second. Each execution writes a unit to one of 4 keys
of every index, and DynamoDB lets a key take 1,000 a second (developer guide, "quotas"): a quarter is left for what
agents report meanwhile."""

PIECE_SECONDS = 7.0
"""How long the transactions of one page may take at that rate: less than an eighth of the function's timeout, where a
quarter is the most (`kit.worktime.SHARE`). So a page that begins when `WorkTime` is almost over still ends."""

Tell = Callable[[Command, Sequence[Execution]], None]
"""Takes the executions of a command that have been created."""


class RateLimiter:
    """Limits work to one step per interval."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._interval = timedelta(seconds=seconds)
        self._next = clock.now()

    def wait(self) -> None:
        """Wait for the next interval."""
        early = (self._next - self._clock.now()).total_seconds()
        if early > 0:
            self._clock.sleep(early)
        self._next = self._clock.now() + self._interval


def interval_of(workers: int) -> float:
    """Seconds between two transactions of one of so many workers."""
    return CHUNK * workers / MOST_A_SECOND


def transactions_per_page(workers: int, most: int) -> int:
    """How many fit into `PIECE_SECONDS`, at most ``most``."""
    return min(most, int(PIECE_SECONDS / interval_of(workers)))


class Creation:
    """Creates executions. May be repeated: existing ones stay unchanged."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._clock = clock
        self._executions = ExecutionStore(tables)

    def create(
        self,
        command: Command,
        fan_out: FanOut,
        nodes: Sequence[TargetNode],
        tell: Tell,
        *,
        workers: int,
        version: int | None = None,
    ) -> bool:
        """Create the executions of these nodes, as one of ``workers`` workers; False if none may be created any more,
        or if the fan-out has not the ``version`` that is given. ``tell`` is called with them if they are few."""
        now = to_seconds_text(self._clock.now())
        executions = [pending(command, node, fan_out.target_cluster_name, now) for node in nodes]
        limiter = RateLimiter(self._clock, interval_of(workers))
        for start in range(0, len(executions), CHUNK):
            limiter.wait()
            created = self._executions.create(command.id, executions[start : start + CHUNK], version)
            if created is None:
                return False
            if created and len(executions) <= CHUNK:
                tell(command, created)
        return True


def pending(
    command: Command, node: TargetNode, target_cluster_name: str | None, now: str, slot: int | None = None
) -> Execution:
    """A new execution, of the target in this slot of a rollout."""
    return Execution(
        id=execution_id(command.id, node.id),
        command_id=command.id,
        node_id=node.id,
        node_cluster_id=node.cluster_id,
        node_cluster_name=node.cluster_name,
        target_cluster_name=target_cluster_name,
        target_all=command.targeting.type is TargetType.ALL,
        status=Status.PENDING,
        rollout_slot=slot,
        inserted_at=command.inserted_at,
        updated_at=now,
    )

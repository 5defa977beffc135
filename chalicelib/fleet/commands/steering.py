"""`Steering`: pauses, resumes and stops rollouts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.model import Command
from chalicelib.fleet.commands.rollout import ROLLOUT, Standing
from chalicelib.fleet.commands.rollout_progress import standing_of
from chalicelib.fleet.commands.rollout_store import RolloutStore
from chalicelib.fleet.commands.service import Commands
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.reach import Reach
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import not_found, unavailable
from chalicelib.kit.redrive import FIRST_LOOK
from chalicelib.kit.tables import Tables


@dataclass(frozen=True)
class Steered:
    """A command and the state of its rollout now; None for one from before that was noted."""

    command: Command
    standing: Standing | None


class Steering:
    """Each method makes one write, on the row that every step of the rollout needs unchanged: a step that is under way
    makes nothing after it. A repeat changes nothing, nor does anything once the rollout has ended.

    All raise `EdgeError` (not found), (conflict) for a command without a rollout, (forbidden) for one that is only
    partly within reach, and (service unavailable)."""

    def __init__(self, tables: Tables, clock: Clock, commands: Commands) -> None:
        self._tables = tables
        self._clock = clock
        self._registry = commands
        self._commands = CommandStore(tables)
        self._rollouts = RolloutStore(tables)

    def pause(self, command_id: str, *, reach: Reach) -> Steered:
        """Make no further executions until it is resumed. Those that are out go on, and their ends count."""
        now = to_seconds_text(self._clock.now())
        return self._steer(
            command_id, reach, "rollout.paused", lambda known: None if known.paused_at else {"paused_at": now}
        )

    def resume(self, command_id: str, *, reach: Reach) -> Steered:
        """Go on where it was paused."""
        soon = to_seconds_text(self._clock.now() + FIRST_LOOK)
        again = {"paused_at": None, "sweeps": 0, "due_at": soon}
        return self._steer(command_id, reach, "rollout.resumed", lambda known: again if known.paused_at else None)

    def stop(self, command_id: str, *, reach: Reach) -> Steered:
        """Make no further executions, for good: nodes that wait are skipped. Those that are out go on."""
        now = to_seconds_text(self._clock.now())
        ended = {"parts": frozenset[str](), "cursors": {}, "sweeps": 0, "stopped_at": now, "made_at": now}
        return self._steer(command_id, reach, "rollout.stopped", lambda known: {**ended, "due_at": known.deadline})

    def _steer(
        self, command_id: str, reach: Reach, operation: str, decide: Callable[[FanOut], Mapping[str, object] | None]
    ) -> Steered:
        for _ in self._tables.tries():
            command, fan_out = self._commands.with_fan_out(command_id)
            if command is None or command.is_deleted or fan_out is None:
                raise not_found()
            if not self._registry.is_wholly_within(command_id, reach, also_to_come=True):
                raise rules.rollout_out_of_reach()
            if command.rollout is None:
                raise rules.no_rollout()
            has_ended = ROLLOUT not in fan_out.parts or fan_out.rollout is None or fan_out.rollout.has_ended
            changes = None if has_ended else decide(fan_out)
            if changes is None:
                return Steered(command, standing_of(fan_out))
            after = fan_out.model_copy(update=changes)
            steered = Steered(command, standing_of(after))
            if self._rollouts.steer(fan_out, after, changes, operation, result=steered):
                return steered
        raise unavailable()

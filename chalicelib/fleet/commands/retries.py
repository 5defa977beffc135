"""`Retries`: a command once more, on the nodes where it did not succeed."""

from dataclasses import replace

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Command, NewCommand, Retry
from chalicelib.fleet.commands.part_store import Parts
from chalicelib.fleet.commands.service import Commands
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import not_found
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.secrets.rules import check_use


class Retries:
    """Makes commands of commands."""

    def __init__(self, tables: Tables, commands: Commands, parts: Parts) -> None:
        self._new = commands
        self._parts = parts
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)

    def retry(self, command_id: str, wanted: Retry, *, reach: Reach, by: Principal) -> Command:
        """Give a command again to the nodes within reach whose executions have one of the outcomes now, whether or not
        others are still open. Nodes that are gone are passed over. The fan-out finds them page by page (`TargetPages`);
        here the index, which lags a moment, is only read until it shows one.

        Raises `EdgeError` (not found) for a command without a part within reach, (conflict) if no execution has one of
        the outcomes, (forbidden) for one with secrets if the caller may not use them, (validation failed) as
        `Commands.create` does, and for another text of a command with secrets.
        """
        command = self._commands.find(command_id)
        if command is None or command.is_deleted:
            raise not_found()
        ids = None
        if not reach.is_everywhere:
            ids = self._parts.executions(command_id, reach).keys()
            if not ids or not self._executions.has_any(command_id, ids):
                raise not_found()
        if not self._executions.has_outcome(command_id, wanted.outcomes, ids):
            raise rules.nothing_to_retry(wanted.outcomes)
        if command.secrets:
            check_use(by)
            if not _is_same(command, wanted):
                raise rules.text_of_secrets()
        return self._new.create(_again(command, wanted), reach=reach, is_awaited=True)


def _is_same(command: Command, wanted: Retry) -> bool:
    """Whether the text stays as it is."""
    return wanted.command_text in {None, command.command_text}


def _again(command: Command, wanted: Retry) -> NewCommand:
    outcomes = tuple(outcome.value for outcome in dict.fromkeys(wanted.outcomes))
    new = NewCommand(
        command.command_text if wanted.command_text is None else wanted.command_text,
        Targeting(type=TargetType.EXECUTIONS, command_id=command.id, outcomes=outcomes),
        wanted.timeout or command.timeout,
        wanted.expired_at,
        never_expires=wanted.never_expires,
        script=command.script if _is_same(command, wanted) else None,
        secrets=command.secrets,
        rollout=wanted.rollout,
    )
    return replace(new, timeout=None) if wanted.no_timeout else new

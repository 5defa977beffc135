"""`Environments`: the values of the secrets that a command uses, for the agent that is about to run it.

They are in no row, message or answer but this one: commands and executions hold names, and a value is opened when it is
asked for.
"""

from collections.abc import Mapping

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.kit import crypto
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import forbidden, found, not_found
from chalicelib.kit.tables import Tables
from chalicelib.platform.secrets.service import Secrets


class Environments:
    """``secrets`` are those of the operator of this installation, to whom all commands belong."""

    def __init__(self, tables: Tables, clock: Clock, secrets: Secrets) -> None:
        self._clock = clock
        self._secrets = secrets
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)

    def of(self, node_id: str, execution_id: str) -> Mapping[str, crypto.Secret]:
        """The values by the names of variables, as they are now. An execution that was pushed may be fetched before it
        counts as acknowledged. Raises `EdgeError` (not found), (forbidden) for the execution of another node,
        (conflict) for one that has ended, whose deadline has passed, or of which a secret is missing."""
        execution = found(self._executions.get(execution_id))
        if execution.node_id != node_id:
            raise forbidden()
        command = self._commands.find(execution.command_id)
        if command is None or command.is_deleted:
            raise not_found()
        if execution.is_final:
            raise rules.environment_refused(execution.status)
        if command.is_expired_at(to_seconds_text(self._clock.now())):
            raise rules.environment_refused_after_deadline()
        values = self._secrets.values(set(command.secrets.values())) if command.secrets else {}
        return {variable: values[name] for variable, name in command.secrets.items()}

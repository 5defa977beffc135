import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from edge_agent.backoff import Backoff
from edge_agent.command_output import CommandOutput
from edge_agent.counters import Counters
from edge_agent.errors import RefusedError, UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.journal import Journal, Result, Work
from edge_agent.journal_writer import JournalWriter
from edge_agent.masking import MaskedOutput
from edge_agent.ports import Ports
from edge_agent.shell_command import EXECUTION_VARIABLE, EXIT_CANCELLED, EXIT_NOT_STARTED, ShellCommand, ShellExit
from edge_agent.state_directory import StateDirectory
from edge_agent.tails import Tails
from edge_agent.times import ServerTime, format_time, parse_time
from edge_agent.waiting import first_of
from edge_agent.whole_outputs import WholeOutputs

EXIT_AGENT_STOPPED = 125
SECRETS_VARIABLE = "EDGE_SECRETS"
STOPPED_NOTE = "The agent stopped while this command ran"
FAILED_NOTE = "The agent failed while this command ran"


class NotYetError(Exception):
    """The command was not started, since the server does not give its secrets now. It may have named a delay."""

    def __init__(self, retry_after_seconds: float | None) -> None:
        super().__init__("the secrets are not to be had now")
        self.retry_after_seconds = retry_after_seconds


class CommandRunner:
    """Runs one accepted execution from the journal's `accepted` to its `finished`."""

    def __init__(
        self,
        *,
        journal: Journal,
        journal_writer: JournalWriter,
        state: StateDirectory,
        wholes: WholeOutputs,
        tails: Tails,
        server_time: ServerTime,
        cancel_grace_seconds: float,
        environment: Mapping[bytes, bytes],
        fetch_secrets: Callable[[str], Awaitable[Mapping[str, str]]],
        new_backoff: Callable[[], Backoff],
        counters: Counters,
        ports: Ports,
        log: EventLog,
    ) -> None:
        self._journal = journal
        self._journal_writer = journal_writer
        self._state = state
        self._wholes = wholes
        self._tails = tails
        self._server_time = server_time
        self._cancel_grace_seconds = cancel_grace_seconds
        self._environment = environment
        self._fetch_secrets = fetch_secrets
        self._new_backoff = new_backoff
        self._counters = counters
        self._ports = ports
        self._log = log

    async def run(self, work: Work, cancel: asyncio.Event) -> None:
        """Run a command and record its result. Setting `cancel` ends it. Raises `NotYetError` if it is to be tried
        later.

        If this coroutine is cancelled, the command is killed and no result is recorded.
        """
        try:
            secrets = await self._begin(work, cancel)
            if secrets is not None:
                await self._execute(work, cancel, secrets)
        except NotYetError:
            raise
        except Exception as error:  # noqa: BLE001 - after any error the server has to learn that the command has ended
            self._log.write("execution.failed", execution_id=work.id, reason=describe(error))
            await self._finish(work.id, ShellExit(EXIT_AGENT_STOPPED, (FAILED_NOTE,)))

    async def close_interrupted(self, execution_id: str) -> None:
        """Kill the remaining processes of a command that ran when the previous agent died, and record its result."""
        kill = partial(self._ports.processes.kill_by_variable, EXECUTION_VARIABLE, execution_id)
        killed = await self._ports.threads.run(kill)
        self._log.write("execution.interrupted", execution_id=execution_id, killed=killed)
        await self._finish(execution_id, ShellExit(EXIT_AGENT_STOPPED, (STOPPED_NOTE,)))

    async def _begin(self, work: Work, cancel: asyncio.Event) -> Mapping[str, str] | None:
        """Fetch the secrets and record the start in the journal. None if it ended before that succeeded: it was
        cancelled, it expired, or the server refused its secrets. Raises `NotYetError` before anything is recorded."""
        backoff = self._new_backoff()
        while not cancel.is_set():
            if work.expired_at is not None and parse_time(work.expired_at) <= self._server_time.now():
                await self._finish(work.id, None)
                return None
            try:
                secrets = await self._secrets_of(work)
            except RefusedError as error:
                await self._finish(work.id, _not_started(error))
                return None
            except UnavailableError as error:
                self._log.write("execution.waits_for_secrets", execution_id=work.id, reason=describe(error))
                raise NotYetError(error.retry_after_seconds) from error
            if await self._journal_writer.succeeds(self._journal.start, work.id):
                return secrets
            await first_of(self._ports.clock, cancel, seconds=backoff.next_seconds())
        await self._finish(work.id, ShellExit(EXIT_CANCELLED, ("Command cancelled",)))
        return None

    async def _secrets_of(self, work: Work) -> Mapping[str, str]:
        """The values that the server has now. Raises `UnavailableError` and `RefusedError`."""
        if not work.secret_variables:
            return {}
        secrets = await self._fetch_secrets(work.id)
        if set(secrets) != set(work.secret_variables):
            raise RefusedError("the server gave other secrets than the command needs")
        return secrets

    async def _execute(self, work: Work, cancel: asyncio.Event, secrets: Mapping[str, str]) -> None:
        try:
            copy = partial(self._tails.feed, work.id)
            output = CommandOutput(work.id, self._state.spool, self._ports.disk, self._wholes, copy)
        except OSError as error:
            await self._finish(work.id, _not_started(error))
            return
        self._tails.started(work.id, output.latest)
        try:
            masked = MaskedOutput(secrets.values(), output.append)
            shell_exit = await self._shell(work, cancel, secrets, masked.append)
            masked.end()
            await self._journal_writer.run(output.sync_ends)
            await output.sync_whole(self._ports.threads)
            if output.failure is not None:
                note = f"Output could not be kept: {output.failure}"
                shell_exit = ShellExit(shell_exit.exit_code, (*shell_exit.notes, note))
        finally:
            output.close()
        await self._finish(work.id, shell_exit)

    async def _shell(
        self, work: Work, cancel: asyncio.Event, secrets: Mapping[str, str], output: Callable[[bytes], None]
    ) -> ShellExit:
        try:
            environment = {**self._environment, EXECUTION_VARIABLE.encode(): work.id.encode(), **_variables_of(secrets)}
            ports = self._ports
            command = ShellCommand(work.command_text, environment, output, ports.processes, ports.clock)
        except (OSError, ValueError) as error:
            return _not_started(error)
        self._log.write("execution.started", execution_id=work.id)
        return await command.finish(timeout_ms=work.timeout_ms, cancel=cancel, grace_seconds=self._cancel_grace_seconds)

    async def _finish(self, execution_id: str, shell_exit: ShellExit | None) -> None:
        """Record the result. `shell_exit` None means that the deadline passed before the start."""
        self._tails.ended(execution_id)
        completed_at = format_time(self._server_time.now())
        if shell_exit is None:
            result = Result("expired", None, completed_at)
        else:
            result = Result("completed", shell_exit.exit_code, completed_at, shell_exit.notes)
        await self._journal_writer.until_done(self._journal.finish, execution_id, result)
        self._counters.add("commands_execution_completed_total")
        self._log.write("execution.finished", execution_id=execution_id, exit_code=result.exit_code)


def _variables_of(secrets: Mapping[str, str]) -> dict[bytes, bytes]:
    """The secrets as environment variables, and a variable with their names. By that one a command tells its own
    secrets from variables that this agent inherited, as when another command has started it."""
    values = {**secrets, SECRETS_VARIABLE: " ".join(sorted(secrets))}
    return {name.encode(): value.encode() for name, value in values.items()}


def _not_started(error: Exception) -> ShellExit:
    return ShellExit(EXIT_NOT_STARTED, (f"The command could not be started: {error}",))

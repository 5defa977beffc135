import random
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TypeVar

from edge_agent.acknowledgements import begin_acknowledgements, forget_acknowledgements
from edge_agent.backoff import Backoff
from edge_agent.errors import FatalError, InUseError, describe
from edge_agent.event_log import EventLog
from edge_agent.identity import Node, choose_node, load_identity
from edge_agent.journal import Journal
from edge_agent.log_file import LogFile
from edge_agent.machine import HARDWARE_ID_FILES, store_machine, stored_machine, this_machine
from edge_agent.options import Options
from edge_agent.ports import Ports
from edge_agent.state_directory import StateDirectory

T = TypeVar("T")


class Startup:
    """Loads the state directory before the agent contacts a server.

    Retries while the disk cannot be used; an installed agent also while another process uses the state directory, as
    its predecessor does that hangs at the disk after its launcher was killed. Raises `FatalError` if somebody has to
    act at this machine.
    """

    def __init__(
        self,
        options: Options,
        resources: ExitStack,
        new_backoff: Callable[[], Backoff],
        ports: Ports,
        rng: random.Random,
        log: EventLog,
    ) -> None:
        """`resources` takes charge of closing everything that is opened here."""
        self._options = options
        self._resources = resources
        self._new_backoff = new_backoff
        self._ports = ports
        self._rng = rng
        self._log = log
        self.is_moved = False
        """Whether another machine was the last to use the directory."""

    async def state(self) -> StateDirectory:
        state = StateDirectory(self._options.state_dir, self._ports.disk)
        passing = OSError if self._options.versions is None else (OSError, InUseError)
        await self._retried(lambda: self._resources.enter_context(state), passing)
        file = LogFile(state.path, state.disk)
        self._resources.callback(file.close)
        self._resources.callback(self._log.keep_in, None)
        self._log.keep_in(file)
        return state

    async def node(self, state: StateDirectory) -> Node:
        """The node id of this machine. Raises `FatalError` if it is neither enrolled nor has an enrollment key."""
        options = self._options
        node = await self._retried(
            lambda: choose_node(
                state,
                wanted=options.node_id,
                random_id=options.random_id,
                machine_id_file=options.machine_id_file,
                rng=self._rng,
            )
        )
        if await self._retried(lambda: load_identity(state)) is None and options.keys.key() is None:
            raise FatalError("this machine is not enrolled and there is no enrollment key")
        return node

    async def journal(self, state: StateDirectory) -> Journal:
        with suppress(OSError):  # a full disk delays nothing: finished results are reported even so
            begin_acknowledgements(state)
        journal = await self._retried(lambda: Journal(state.journal, self._ports.clock, self._ports.disk))
        self._resources.callback(journal.close)
        await self._retried(lambda: self._check_machine(state, journal))
        return journal

    def _check_machine(self, state: StateDirectory, journal: Journal) -> None:
        """Record on which machine the directory is. If it has moved, forget the unfinished work of the other machine,
        which may still be running."""
        machine = this_machine(self._ports.disk, self._options.machine_id_file, HARDWARE_ID_FILES)
        last = stored_machine(state)
        if machine == last:
            return
        if last is None or not machine.is_another_than(last):
            # Not essential.
            with suppress(OSError):
                store_machine(state, machine)
            return
        self.is_moved = True
        forget_acknowledgements(state)
        for execution_id in journal.forget_unfinished():
            self._log.write("execution.of_another", execution_id=execution_id)
        store_machine(state, machine)
        self._log.write("state.moved")

    async def _retried(
        self, use_disk: Callable[[], T], passing: type[Exception] | tuple[type[Exception], ...] = OSError
    ) -> T:
        backoff = self._new_backoff()
        while True:
            try:
                return use_disk()
            except passing as error:
                seconds = backoff.next_seconds()
                self._log.write("state.not_usable", reason=describe(error), seconds=round(seconds, 3))
                await self._ports.clock.sleep(seconds)

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TypeVar

from edge_agent.asked import forget_asked
from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.durable import StateDirectory
from edge_agent.errors import FatalError, told
from edge_agent.event_log import EventLog
from edge_agent.identity import Node, choose_node, load_identity
from edge_agent.journal import Journal
from edge_agent.machine import HARDWARE_ID_FILES, store_machine, stored_machine, this_machine
from edge_agent.options import Options

T = TypeVar("T")


class Startup:
    """What an agent takes from its state directory before it can speak to a server.

    A disk that cannot be used now is waited for. Raises FatalError where somebody has to act at this machine.
    """

    def __init__(
        self,
        options: Options,
        resources: ExitStack,
        new_backoff: Callable[[], Backoff],
        clock: Clock,
        log: EventLog,
    ) -> None:
        """`resources` closes what is opened here."""
        self._options = options
        self._resources = resources
        self._new_backoff = new_backoff
        self._clock = clock
        self._log = log
        self.is_moved = False
        """Whether another machine has used the directory last."""

    async def state(self) -> StateDirectory:
        state = StateDirectory(self._options.state_dir)
        return await self._once_possible(lambda: self._resources.enter_context(state))

    async def node(self, state: StateDirectory) -> Node:
        """Who this machine is. Raises FatalError if it is not enrolled and has no key for that."""
        options = self._options
        node = await self._once_possible(
            lambda: choose_node(
                state, wanted=options.node_id, random_id=options.random_id, machine_id_file=options.machine_id_file
            )
        )
        if await self._once_possible(lambda: load_identity(state)) is None and options.keys.key() is None:
            raise FatalError("this machine is not enrolled and there is no enrollment key")
        return node

    async def journal(self, state: StateDirectory) -> Journal:
        journal = await self._once_possible(lambda: Journal(state.journal, self._clock))
        self._resources.callback(journal.close)
        await self._once_possible(lambda: self._settle_in(state, journal))
        return journal

    def _settle_in(self, state: StateDirectory, journal: Journal) -> None:
        """Note on which machine the directory is. On another one than before, nothing is taken over that the other,
        which may be running, has begun."""
        machine, last = this_machine(self._options.machine_id_file, HARDWARE_ID_FILES), stored_machine(state)
        if machine == last:
            return
        if last is None or not machine.is_another_than(last):
            # Not needed to go on.
            with suppress(OSError):
                store_machine(state, machine)
            return
        self.is_moved = True
        forget_asked(state)
        for execution_id in journal.disown():
            self._log.write("execution.of_another", execution_id=execution_id)
        store_machine(state, machine)
        self._log.write("state.moved")

    async def _once_possible(self, use_disk: Callable[[], T]) -> T:
        backoff = self._new_backoff()
        while True:
            try:
                return use_disk()
            except OSError as error:
                seconds = backoff.next_seconds()
                self._log.write("state.not_usable", reason=told(error), seconds=round(seconds, 3))
                await asyncio.sleep(seconds)

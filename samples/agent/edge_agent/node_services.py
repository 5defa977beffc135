import asyncio
import random
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from edge_agent.agent_api import AgentApi
from edge_agent.agent_metrics import AgentMetrics
from edge_agent.aliases import Aliases
from edge_agent.backoff import Backoff
from edge_agent.bundle_update import BundleUpdate
from edge_agent.clock import Clock, parse_time
from edge_agent.command_update import CommandUpdate
from edge_agent.counters import Counters
from edge_agent.durable import StateDirectory
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.executor import Executor
from edge_agent.health import Check, overall
from edge_agent.host_metrics import host_metrics
from edge_agent.host_metrics_api import HostMetricsApi
from edge_agent.listening import Door, Doors, address_of
from edge_agent.metrics_pusher import MetricsPusher
from edge_agent.options import Options, SshOptions
from edge_agent.self_update import SelfUpdater, UpdateWay
from edge_agent.session import Session
from edge_agent.ssh_login import LoginCheck
from edge_agent.update_api import UpdateApi

if TYPE_CHECKING:
    from edge_agent.ssh_server import SshServer

Frame = Mapping[str, Any]
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
Run = Callable[[], Coroutine[Any, Any, None]]


class NodeServices:
    """What a node does besides running commands: metrics, aliases, updates of itself, SSH; each as the options say.

    `runs` are to be run until the agent stops, then `stop` is called. `frames` maps the types of the server's frames to
    what takes them.
    """

    def __init__(
        self,
        *,
        options: Options,
        doors: Doors,
        state: StateDirectory,
        session: Session,
        api: AgentApi,
        executor: Executor,
        checks: Callable[[], list[Check]],
        counters: Counters,
        new_backoff: Callable[[], Backoff],
        clock: Clock,
        chance: random.Random,
        log: EventLog,
    ) -> None:
        self._options = options
        self._doors = doors
        self._state = state
        self._session = session
        self._api = api
        self._executor = executor
        self._checks = checks
        self._counters = counters
        self._new_backoff = new_backoff
        self._clock = clock
        self._chance = chance
        self._log = log
        self._resources = ExitStack()
        self._ssh_server: SshServer | None = None
        self._host_text = host_metrics(options.metrics.node_exporter_url)
        self.agent_text = AgentMetrics(counters, executor, clock).text
        self._pusher = MetricsPusher(
            api,
            {"host": self._host_text, "agent": self.agent_text},
            interval_seconds=lambda: options.metrics.interval_seconds or session.identity.metrics_push_seconds,
            clock=clock,
            chance=chance,
            log=log,
        )
        session.when_renewed(self._pusher.interval_changed)
        self.updater = self._new_updater()

    def runs(self, spawn: Spawn) -> Iterator[tuple[str, Run]]:
        """Names, and what is to be run and started again when it fails. Those that listen return when they do."""
        yield "metrics", self._pusher.run
        if self._options.aliases:
            aliases = Aliases(self._api, self._options.aliases, self._new_backoff, self._log)
            self._session.when_enrolled_anew(aliases.enrolled_anew)
            yield "aliases", aliases.run
        if self.updater is not None:
            yield "self_update", self.updater.run
        if self._doors.host_metrics is not None:
            yield "host_metrics", partial(self._serve_host_metrics, self._doors.host_metrics)
        if self._doors.ssh is not None and self._options.ssh is not None:
            yield "ssh", partial(self._start_ssh, self._doors.ssh, self._options.ssh, spawn)

    def frames(self) -> Mapping[str, Callable[[Frame], None]]:
        frames: dict[str, Callable[[Frame], None]] = {"metrics": self._pusher.asked}
        if self.updater is not None:
            frames["self_update"] = self.updater.asked
        return frames

    async def stop(self) -> None:
        self._resources.close()
        if self._ssh_server is not None:
            await self._ssh_server.stop()

    async def _serve_host_metrics(self, door: Door) -> None:
        bound = door.bound()
        api = HostMetricsApi(bound, self._host_text, self._log)
        self._resources.callback(api.close)
        host, port = address_of(bound)
        self._log.write("metrics.listening", host=host, port=port)

    async def _start_ssh(self, door: Door, options: SshOptions, spawn: Spawn) -> None:
        # Only here: the library that they stand on costs a start of the agent a quarter of a second.
        from edge_agent.ssh_connection import SshLimits  # noqa: PLC0415
        from edge_agent.ssh_server import SshServer, host_key  # noqa: PLC0415

        key = host_key(self._state)
        server = SshServer(
            login=LoginCheck(self._api, self._counters, self._log),
            limits=SshLimits(
                idle_seconds=options.idle_seconds, hang_up_seconds=self._options.limits.cancel_grace_seconds
            ),
            environment=self._options.environment,
            spawn=spawn,
            counters=self._counters,
            clock=self._clock,
            log=self._log,
        )
        await server.listen(door.bound(), key)
        self._ssh_server = server

    def _new_updater(self) -> SelfUpdater | None:
        api = UpdateApi(self._session)
        way = self._update_way(api)
        if way is None:
            return None
        return SelfUpdater(
            api=api,
            way=way,
            state=self._state,
            enrolled_at=lambda: parse_time(self._session.identity.enrolled_at),
            backoff=self._new_backoff(),
            chance=self._chance,
            log=self._log,
        )

    def _update_way(self, api: UpdateApi) -> UpdateWay | None:
        options = self._options
        if options.versions is not None:
            if options.self_update_command is not None:
                self._log.write("self_update.command_ignored", reason="--self-update takes what the server serves")
            return BundleUpdate(
                api=api,
                versions=options.versions,
                report_health=self._report_healthy,
                running=lambda: self._executor.running,
                hold=self._executor.hold,
                release=self._executor.release,
                stop=lambda: signal.raise_signal(signal.SIGTERM),
                new_backoff=self._new_backoff,
                log=self._log,
            )
        if options.self_update_command is not None:
            return CommandUpdate(
                command=options.self_update_command,
                state=self._state,
                environment=options.environment,
                log=self._log,
            )
        return None

    async def _report_healthy(self) -> None:
        status = overall(self._checks())
        await self._api.report_health(status)
        if status != "healthy":
            raise UnavailableError("this machine is not healthy")

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from edge_agent import probes as probes_of
from edge_agent.agent_api import AgentApi
from edge_agent.agent_metrics import AgentMetrics
from edge_agent.aliases import Aliases
from edge_agent.bundle_update import BundleUpdate
from edge_agent.command_update import CommandUpdate
from edge_agent.diagnostics import Diagnostics, Probe
from edge_agent.errors import UnavailableError
from edge_agent.executor import Executor
from edge_agent.health import HealthChecks, overall_status
from edge_agent.host_metrics import HostMetricsApi, node_exporter_metrics, own_host_metrics
from edge_agent.listen_sockets import ListenSockets, ReservedAddress
from edge_agent.metrics_pusher import MetricsPusher
from edge_agent.options import SshOptions
from edge_agent.runtime import Runtime
from edge_agent.self_update import SelfUpdater, UpdateMethod
from edge_agent.session import Session
from edge_agent.ssh_login import LoginCheck
from edge_agent.state_directory import StateDirectory
from edge_agent.supervisor import Run, Spawn
from edge_agent.times import parse_time
from edge_agent.update_api import UpdateApi

if TYPE_CHECKING:
    from edge_agent.ssh_server import SshServer

Frame = Mapping[str, Any]


class NodeServices:
    """The parts of an agent besides commands: metrics, aliases, updates, SSH, each as the options say.

    `runs` are to be run until the agent stops; then `stop` is called.
    """

    def __init__(
        self,
        *,
        runtime: Runtime,
        sockets: ListenSockets,
        state: StateDirectory,
        session: Session,
        api: AgentApi,
        executor: Executor,
        checks: HealthChecks,
    ) -> None:
        options, ports = runtime.options, runtime.ports
        self._runtime = runtime
        self._sockets = sockets
        self._state = state
        self._session = session
        self._api = api
        self._executor = executor
        self._checks = checks
        self._resources = ExitStack()
        self._ssh_server: SshServer | None = None
        url = options.metrics.node_exporter_url
        if url is None:
            self._host_text = own_host_metrics(ports.processes, ports.threads)
        else:
            self._host_text = node_exporter_metrics(url, ports.network)
        self.agent_text = AgentMetrics(runtime.counters, executor, ports.processes, ports.threads, ports.clock).text
        self._pusher = MetricsPusher(
            api,
            {"host": self._host_text, "agent": self.agent_text},
            Diagnostics(self._probes(), ports.clock, runtime.server_time).report,
            interval_seconds=lambda: options.metrics.interval_seconds or session.identity.metrics_push_seconds,
            counters=runtime.counters,
            clock=ports.clock,
            rng=runtime.rng,
            log=runtime.log,
        )
        session.on_renewed(self._pusher.interval_changed)
        self.updater = self._new_updater()

    def runs(self, spawn: Spawn) -> Iterator[tuple[str, Run]]:
        """Names and functions to run, and to restart when they fail. Those of servers return once they listen."""
        runtime = self._runtime
        yield "metrics", self._pusher.run
        if runtime.options.aliases:
            names, clock = runtime.options.aliases, runtime.ports.clock
            aliases = Aliases(self._api, names, runtime.new_backoff, clock, runtime.log)
            self._session.on_enrolled_again(aliases.register_again)
            yield "aliases", aliases.run
        if self.updater is not None:
            yield "self_update", self.updater.run
        if self._sockets.host_metrics is not None:
            yield "host_metrics", partial(self._serve_host_metrics, self._sockets.host_metrics)
        if self._sockets.ssh is not None and runtime.options.ssh is not None:
            self._session.on_shut_out(self._close_ssh)
            yield "ssh", partial(self._start_ssh, self._sockets.ssh, runtime.options.ssh, spawn)
            yield "ssh_connections", partial(self._watch_ssh, runtime.options.ssh.check_seconds)

    def frames(self) -> Mapping[str, Callable[[Frame], None]]:
        """The handlers of the server's frames, by type."""
        frames: dict[str, Callable[[Frame], None]] = {"metrics": self._pusher.on_frame}
        if self.updater is not None:
            frames["self_update"] = self.updater.on_frame
        return frames

    def _probes(self) -> dict[str, Probe]:
        """The checks of what this agent offers: it is in no mesh, and has no proxies."""
        sources = {"host": self._host_text, "agent": self.agent_text}
        ports = self._sockets.service_ports
        served_port = None if self._sockets.host_metrics is None else ports.host_metrics_port
        probes = {
            "database": probes_of.state_files(self._checks),
            "bootstrap": probes_of.registration(self._session),
            "metrics_servers": probes_of.metrics_sources(sources, served_port),
        }
        if self._sockets.ssh is not None:
            probes["ssh_server"] = probes_of.ssh_server(lambda: self._ssh_server is not None, ports.ssh_port)
        return probes

    async def stop(self) -> None:
        self._resources.close()
        if self._ssh_server is not None:
            await self._ssh_server.stop()

    async def _serve_host_metrics(self, address: ReservedAddress) -> None:
        bound = address.bind()
        handler, failed = (
            HostMetricsApi(self._host_text).handle,
            partial(self._runtime.log_http_failure, bound.address[1]),
        )
        self._resources.callback(self._runtime.ports.network.serve_http(bound, handler, failed).close)
        host, port = bound.address
        self._runtime.log.write("metrics.listening", host=host, port=port)

    async def _start_ssh(self, address: ReservedAddress, options: SshOptions, spawn: Spawn) -> None:
        # Imported only here: their library costs a start of the agent a quarter of a second.
        from edge_agent.ssh_connection import SshLimits  # noqa: PLC0415
        from edge_agent.ssh_server import SshServer, host_key  # noqa: PLC0415

        runtime = self._runtime
        key = host_key(self._state, runtime.log)
        server = SshServer(
            login=LoginCheck(self._api, runtime.counters, runtime.ports.clock, runtime.log),
            limits=SshLimits(
                idle_seconds=options.idle_seconds, hang_up_seconds=runtime.options.limits.cancel_grace_seconds
            ),
            environment=runtime.options.environment,
            spawn=spawn,
            counters=runtime.counters,
            ports=runtime.ports,
            log=runtime.log,
        )
        await server.listen(address.bind(), key)
        self._ssh_server = server

    def _close_ssh(self) -> None:
        """Log out everybody: a node that is shut out can ask the server no more whose access has ended."""
        if self._ssh_server is not None:
            self._ssh_server.close_all("this node was deleted or blocked")

    async def _watch_ssh(self, every_seconds: float) -> None:
        while True:
            await self._runtime.ports.clock.sleep(every_seconds)
            if self._ssh_server is not None:
                await self._ssh_server.close_ended()

    def _new_updater(self) -> SelfUpdater | None:
        runtime = self._runtime
        api = UpdateApi(self._session)
        method = self._update_method(api)
        if method is None:
            return None
        return SelfUpdater(
            api=api,
            method=method,
            state=self._state,
            enrolled_at=lambda: parse_time(self._session.identity.enrolled_at),
            backoff=runtime.new_backoff(),
            clock=runtime.ports.clock,
            threads=runtime.ports.threads,
            rng=runtime.rng,
            log=runtime.log,
        )

    def _update_method(self, api: UpdateApi) -> UpdateMethod | None:
        runtime = self._runtime
        command = runtime.options.self_update_command
        if runtime.installer is not None:
            if command is not None:
                runtime.log.write("self_update.command_ignored", reason="--self-update installs the server's bundles")
            return BundleUpdate(
                api=api,
                installer=runtime.installer,
                report_health=self._report_healthy,
                running=lambda: self._executor.running,
                hold=self._executor.hold,
                release=self._executor.release,
                stop=runtime.stop.set,
                new_backoff=runtime.new_backoff,
                ports=runtime.ports,
                log=runtime.log,
            )
        if command is not None:
            return CommandUpdate(
                command=command,
                state=self._state,
                environment=runtime.options.environment,
                processes=runtime.ports.processes,
                log=runtime.log,
            )
        return None

    async def _report_healthy(self) -> None:
        status = overall_status(await self._checks.run())
        await self._api.report_health(status)
        if status != "healthy":
            raise UnavailableError("this machine is not healthy")

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Any, TypeVar

from edge_agent import __version__
from edge_agent.backoff import Backoff
from edge_agent.bundles import BundleError
from edge_agent.errors import UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.ports import Ports
from edge_agent.times import format_time
from edge_agent.update_api import NoOfferError, Offer, UpdateApi, UpdateRequest
from edge_agent.update_file import REASON_LENGTH, UpdateFile

# The space for an installed version and for its unpacked archive; measured: 27 MB and 9 MB.
ROOM_BYTES = 64 * 1024 * 1024
# For how long an update is begun again while the server cannot be reached.
RETRY_SECONDS = 1800.0
# For how long in all, where the server tells it to wait meanwhile.
LONGEST_SECONDS = 86400.0
# How long running commands may take to end before the agent stops them, as it does whenever it ends.
DRAIN_SECONDS = 600.0
POLL_SECONDS = 0.5
T = TypeVar("T")


@dataclass(frozen=True)
class Installer:
    """Installs bundles beside the version that runs.

    `install(archive, sha256, versions)` blocks, returns the version, and raises `BundleError` or OSError.
    """

    versions: PurePath
    architecture: str
    install: Callable[[PurePath, str, PurePath], str]


@dataclass
class _Patience:
    """The time, by the monotonic clock, until which an update is begun again. As long as the server tells it to wait,
    that is put off, up to a last time."""

    until: float
    last: float

    def put_off(self, seconds: float) -> None:
        self.until = min(self.until + seconds, self.last)


class BundleUpdate:
    """Updates the agent to a version that the server offers: installs it beside this one, then ends for the launcher.

    Every outcome leaves a version that runs and a server that knows which one. This agent reports the errors up to the
    handover; later ones are reported by the version that the launcher goes back to.
    """

    def __init__(
        self,
        *,
        api: UpdateApi,
        installer: Installer,
        report_health: Callable[[], Awaitable[None]],
        running: Callable[[], int],
        hold: Callable[[], None],
        release: Callable[[], None],
        stop: Callable[[], None],
        new_backoff: Callable[[], Backoff],
        ports: Ports,
        log: EventLog,
    ) -> None:
        """`report_health` raises `UnavailableError` until the server has accepted a healthy report. `running` returns
        the number of running commands; none is started between `hold` and `release`. `stop` ends this agent in order.
        """
        self._api = api
        self._installer = installer
        self._file = UpdateFile(installer.versions, ports.disk)
        self._report_health = report_health
        self._running = running
        self._hold = hold
        self._release = release
        self._stop = stop
        self._new_backoff = new_backoff
        self._ports = ports
        self._log = log

    async def idle(self) -> None:
        """Finish an update that was in progress when this agent started, and report its outcome."""
        update = await self._ports.threads.run(self._file.read)
        if update is None:
            return
        if update["phase"] == "trying" and update.get("version") == __version__:
            update = await self._pass_probation(update)
        match update["phase"]:
            case "passed":
                await self._settle(update, None)
            case "failed":
                await self._settle(update, str(update.get("reason")))
            case phase:
                await self._settle(update, f"the agent or the machine stopped while it was {phase}")

    async def act(self, request: UpdateRequest) -> None:
        """Install the requested version. On success this agent then ends, so that the new version can be tried."""
        update = {
            "phase": "installing",
            "version": request.version,
            "previous": __version__,
            "request_id": request.id,
            "requested_at": format_time(request.requested_at),
        }
        try:
            await self._in_thread(self._file.write, update)
            now = self._ports.clock.monotonic()
            patience = _Patience(now + RETRY_SECONDS, now + LONGEST_SECONDS)
            offer = await self._retried(lambda: self._offer(request.version), patience)
            update["version"] = offer.version
            if offer.version == __version__:
                await self._settle(update, None)
                return
            await self._install(offer, patience)
            await self._drain()
            await self._in_thread(self._file.prepare, update)
        except (BundleError, NoOfferError, OSError, UnavailableError) as error:
            reason = str(error) if isinstance(error, BundleError | NoOfferError | UnavailableError) else describe(error)
            self._release()
            await self._settle(update, reason)
            return
        self._log.write("self_update.prepared", version=offer.version)
        self._stop()
        await asyncio.Event().wait()  # until the agent has stopped, so that no other request is handled

    async def _retried(self, call: Callable[[], Awaitable[T]], patience: _Patience) -> T:
        """Repeat a call until it succeeds. Once the patience has ended, its error is raised."""
        backoff = self._new_backoff()
        while True:
            try:
                return await call()
            except UnavailableError as error:
                delay = backoff.next_seconds(error.retry_after_seconds)
                patience.put_off(error.retry_after_seconds or 0.0)
                if self._ports.clock.monotonic() + delay > patience.until:
                    raise
                self._log.write("self_update.delayed", reason=str(error), seconds=round(delay, 3))
                await self._ports.clock.sleep(delay)

    async def _offer(self, version: str | None) -> Offer:
        return await self._api.offer(self._installer.architecture, version)

    async def _install(self, offer: Offer, patience: _Patience) -> None:
        free = self._file.free_bytes()
        needed = ROOM_BYTES + offer.size_bytes
        if free < needed:
            raise BundleError(f"it needs {needed} bytes of disk, and {free} are free")
        archive = self._file.download
        try:
            self._log.write("self_update.downloading", version=offer.version, bytes=offer.size_bytes)
            await self._download(offer, archive, patience)
            install = partial(self._installer.install, archive, offer.sha256, self._file.versions)
            await self._ports.threads.run_detached(install)
        finally:
            self._file.remove_download()
        self._log.write("self_update.installed", version=offer.version)

    async def _download(self, offer: Offer, target: PurePath, patience: _Patience) -> None:
        """Download with retries. Each gets a new link, since links expire after some minutes."""
        links = [offer]

        async def download() -> None:
            link = links.pop() if links else await self._offer(offer.version)
            await self._api.download(link, target)

        await self._retried(download, patience)

    async def _drain(self) -> None:
        self._hold()
        waited = 0.0
        while self._running() and waited < DRAIN_SECONDS:
            await self._ports.clock.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    async def _pass_probation(self, update: dict[str, Any]) -> dict[str, Any]:
        """Report healthy, and return the update after the launcher's decision."""
        self._log.write("self_update.on_probation", version=__version__)
        backoff = self._new_backoff()
        while True:
            try:
                await self._report_health()
                await self._in_thread(self._file.report_healthy)
            except (UnavailableError, OSError) as error:
                self._log.write("self_update.not_healthy", reason=str(error))
                await self._ports.clock.sleep(backoff.next_seconds())
            else:
                break
        # Wait for the link too: until it is replaced, a restart would run the previous version.
        while update["phase"] == "trying" or (update["phase"] == "passed" and not self._file.is_current(__version__)):
            await self._ports.clock.sleep(POLL_SECONDS)
            now = await self._ports.threads.run(self._file.read)
            update = update if now is None else now
        return update

    async def _settle(self, update: dict[str, Any], reason: str | None) -> None:
        """Record the outcome, report it, and forget the update. A reason means that it failed."""
        status = "updated" if reason is None else "failed"
        reason = None if reason is None else reason[:REASON_LENGTH]
        self._log.write(f"self_update.{status}", version=__version__, wanted=update.get("version"), reason=reason)
        try:
            ended = {**update, "phase": "passed" if reason is None else "failed", "reason": reason}
            await self._in_thread(self._file.write, ended)
        except OSError as error:
            self._log.write("self_update.not_noted", reason=describe(error))
        request_id = update.get("request_id")
        if isinstance(request_id, str):
            await self._report(request_id, status, reason)
        kept = (__version__, str(update.get("previous")))
        try:
            await self._in_thread(self._file.clear)
            await self._in_thread(self._file.keep_only, *kept)
        except OSError as error:
            self._log.write("self_update.not_noted", reason=describe(error))

    async def _in_thread(self, write: Callable[..., None], *arguments: Any) -> None:
        await self._ports.threads.run(partial(write, *arguments))

    async def _report(self, request_id: str, status: str, reason: str | None) -> None:
        backoff = self._new_backoff()
        while True:
            try:
                await self._api.report(request_id, status, __version__, reason)
            except UnavailableError as error:
                delay = backoff.next_seconds(error.retry_after_seconds)
                self._log.write("self_update.report_failed", reason=str(error), seconds=round(delay, 3))
                await self._ports.clock.sleep(delay)
            else:
                return

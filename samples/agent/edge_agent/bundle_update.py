import asyncio
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent import __version__
from edge_agent.backoff import Backoff
from edge_agent.blocking_calls import BlockingCalls
from edge_agent.bundles import BundleError, install
from edge_agent.clock import format_time
from edge_agent.errors import UnavailableError, told
from edge_agent.event_log import EventLog
from edge_agent.update_api import NoOfferError, Offer, UpdateApi, UpdateRequest
from edge_agent.update_file import REASON_LENGTH, UpdateFile

# What an installed version takes, and its archive unpacked; measured: 27 MB and 9 MB.
ROOM_BYTES = 64 * 1024 * 1024
ATTEMPTS = 5
# What runs may end by itself before the agent does; then it is stopped as at any other end of the agent.
DRAIN_SECONDS = 600.0
POLL_SECONDS = 0.5


class BundleUpdate:
    """Updates by what the server serves: installs it beside this version, and hands over to the launcher.

    Every way ends with a version that runs and a server that knows which: what fails here is reported by this agent;
    what fails later, by the one that the launcher goes back to. `report_health` raises UnavailableError until the
    server has taken it; `running` is how many commands run, and none is started between `hold` and `release`; `stop`
    ends this agent in good order.
    """

    def __init__(
        self,
        *,
        api: UpdateApi,
        versions: Path,
        report_health: Callable[[], Any],
        running: Callable[[], int],
        hold: Callable[[], None],
        release: Callable[[], None],
        stop: Callable[[], None],
        new_backoff: Callable[[], Backoff],
        log: EventLog,
    ) -> None:
        self._api = api
        self._file = UpdateFile(versions)
        self._report_health = report_health
        self._running = running
        self._hold = hold
        self._release = release
        self._stop = stop
        self._new_backoff = new_backoff
        self._log = log
        self._installing = BlockingCalls[str](1, "install")

    async def idle(self) -> None:
        """An update that was under way when this agent started is over, and the server knows what became of it."""
        update = await asyncio.to_thread(self._file.read)
        if update is None:
            return
        if update["phase"] == "trying" and update.get("version") == __version__:
            update = await self._prove_itself(update)
        match update["phase"]:
            case "passed":
                await self._settle(update, None)
            case "failed":
                await self._settle(update, str(update.get("reason")))
            case phase:
                await self._settle(update, f"the agent or the machine stopped while it was {phase}")

    async def act(self, request: UpdateRequest) -> None:
        """Install what is asked for. On success this agent ends soon after, for the new one to be tried."""
        update = {
            "phase": "installing",
            "version": request.version,
            "previous": __version__,
            "request_id": request.id,
            "requested_at": format_time(request.requested_at),
        }
        try:
            await asyncio.to_thread(self._file.write, update)
            offer = await self._offer(request.version)
            update["version"] = offer.version
            if offer.version == __version__:
                await self._settle(update, None)
                return
            await self._install(offer)
            await self._drain()
            await asyncio.to_thread(self._file.prepare, update)
        except (BundleError, NoOfferError, OSError, UnavailableError) as error:
            reason = str(error) if isinstance(error, BundleError | NoOfferError | UnavailableError) else told(error)
            self._release()
            await self._settle(update, reason)
            return
        self._log.write("self_update.prepared", version=offer.version)
        self._stop()
        await asyncio.Event().wait()  # until it has stopped: no other request is looked for

    async def _offer(self, version: str | None) -> Offer:
        backoff = self._new_backoff()
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._api.offer(platform.machine(), version)
            except UnavailableError as error:
                await asyncio.sleep(backoff.next_seconds(error.retry_after_seconds))
        return await self._api.offer(platform.machine(), version)

    async def _install(self, offer: Offer) -> None:
        versions = self._file.versions
        free = shutil.disk_usage(versions).free
        needed = ROOM_BYTES + offer.size_bytes
        if free < needed:
            raise BundleError(f"it needs {needed} bytes of disk, and {free} are free")
        archive = self._file.download
        try:
            self._log.write("self_update.downloading", version=offer.version, bytes=offer.size_bytes)
            await self._download(offer, archive)
            await self._installing.run(lambda: install(archive, offer.sha256, versions))
        finally:
            archive.unlink(missing_ok=True)
        self._log.write("self_update.installed", version=offer.version)

    async def _download(self, offer: Offer, target: Path) -> None:
        """Tried again, with a new link each time: links end after some minutes."""
        backoff = self._new_backoff()
        for _ in range(ATTEMPTS - 1):
            try:
                await self._api.download(offer, target)
            except UnavailableError as error:
                self._log.write("self_update.download_failed", reason=str(error))
                await asyncio.sleep(backoff.next_seconds(error.retry_after_seconds))
                offer = await self._offer(offer.version)
            else:
                return
        await self._api.download(offer, target)

    async def _drain(self) -> None:
        self._hold()
        waited = 0.0
        while self._running() and waited < DRAIN_SECONDS:
            await asyncio.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    async def _prove_itself(self, update: dict[str, Any]) -> dict[str, Any]:
        """Report healthy, and return what the launcher makes of it."""
        self._log.write("self_update.on_probation", version=__version__)
        backoff = self._new_backoff()
        while True:
            try:
                await self._report_health()
                await asyncio.to_thread(self._file.report_healthy)
            except (UnavailableError, OSError) as error:
                self._log.write("self_update.not_healthy", reason=str(error))
                await asyncio.sleep(backoff.next_seconds())
            else:
                break
        # Passed, and known as the current one: else the next start would begin with the version before.
        while update["phase"] == "trying" or (update["phase"] == "passed" and not self._file.is_current(__version__)):
            await asyncio.sleep(POLL_SECONDS)
            now = await asyncio.to_thread(self._file.read)
            update = update if now is None else now
        return update

    async def _settle(self, update: dict[str, Any], reason: str | None) -> None:
        """The end of an update: on disk until the server knows, then forgotten. A reason means that it failed."""
        status = "updated" if reason is None else "failed"
        reason = None if reason is None else reason[:REASON_LENGTH]
        self._log.write(f"self_update.{status}", version=__version__, wanted=update.get("version"), reason=reason)
        try:
            ended = {**update, "phase": "passed" if reason is None else "failed", "reason": reason}
            await asyncio.to_thread(self._file.write, ended)
        except OSError as error:
            self._log.write("self_update.not_noted", reason=told(error))
        request_id = update.get("request_id")
        if isinstance(request_id, str):
            await self._report(request_id, status, reason)
        kept = (__version__, str(update.get("previous")))
        try:
            await asyncio.to_thread(self._file.clear)
            await asyncio.to_thread(self._file.keep_only, *kept)
        except OSError as error:
            self._log.write("self_update.not_noted", reason=told(error))

    async def _report(self, request_id: str, status: str, reason: str | None) -> None:
        backoff = self._new_backoff()
        while True:
            try:
                await self._api.report(request_id, status, __version__, reason)
            except UnavailableError as error:
                delay = backoff.next_seconds(error.retry_after_seconds)
                self._log.write("self_update.report_failed", reason=str(error), seconds=round(delay, 3))
                await asyncio.sleep(delay)
            else:
                return

"""An update while the server is away, on ports in memory."""

import asyncio
import io
import json
import random
from datetime import UTC, datetime
from pathlib import PurePath

import pytest
from edge_agent.bundle_update import LONGEST_SECONDS, RETRY_SECONDS, BundleUpdate, Installer
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.runtime import new_backoff
from edge_agent.update_api import Offer, UpdateRequest

from samples.agent.tests.support.memory_ports import MemoryPorts

VERSIONS = PurePath("/versions")
REQUEST = UpdateRequest(datetime(2026, 1, 1, tzinfo=UTC), id="request")


class Server:
    """Cannot be reached during one of its steps, until a moment; it may tell for how long to wait."""

    def __init__(self, clock, away_at, away_until, told):
        self.clock, self.away_at, self.away_until, self.told = clock, away_at, away_until, told
        self.links, self.outcomes = 0, []

    def reach(self, step):
        if step == self.away_at and self.clock.monotonic() < self.away_until:
            raise UnavailableError("nobody answers", self.told)

    async def offer(self, architecture, version):
        self.reach("offer")
        self.links += 1
        return Offer("2.0", "digest", 10, f"https://bucket/{self.links}")

    async def download(self, offer, target):
        assert offer.url == f"https://bucket/{self.links}"
        self.reach("download")

    async def report(self, request_id, status, version, reason):
        self.outcomes.append((status, reason))


def updated(away_at, away_until, told=None):
    """The server after an update, the phase of the update on disk, and the seconds that it took."""
    ports = MemoryPorts(None)
    server = Server(ports.clock, away_at, away_until, told)
    ended = asyncio.Event()
    update = BundleUpdate(
        api=server,
        installer=Installer(VERSIONS, "any", lambda archive, sha256, versions: "2.0"),
        report_health=None,
        running=lambda: 0,
        hold=lambda: None,
        release=lambda: None,
        stop=ended.set,
        new_backoff=lambda: new_backoff(random.Random(1)),
        ports=ports.all(),
        log=EventLog(io.StringIO(), ports.clock),
    )

    async def run():
        acting = asyncio.ensure_future(update.act(REQUEST))
        await asyncio.wait([acting, asyncio.ensure_future(ended.wait())], return_when=asyncio.FIRST_COMPLETED)
        return ports.clock.monotonic()

    seconds = ports.run(run())
    path = VERSIONS / "update.json"
    phase = json.loads(ports.disk.read(path))["phase"] if path.name in ports.disk.files(VERSIONS) else None
    return server, phase, seconds


@pytest.mark.parametrize("away_at", ["offer", "download"])
def test_update_while_the_server_is_away_for_minutes_is_prepared(away_at):
    server, phase, seconds = updated(away_at, away_until=120.0)
    assert (phase, server.outcomes) == ("prepared", [])
    assert 120.0 <= seconds <= 200.0


@pytest.mark.parametrize("away_at", ["offer", "download"])
def test_update_while_the_server_stays_away_fails_after_half_an_hour(away_at):
    server, phase, seconds = updated(away_at, away_until=float("inf"))
    assert (phase, server.outcomes) == (None, [("failed", "nobody answers")])
    assert RETRY_SECONDS - 60.0 <= seconds <= RETRY_SECONDS


@pytest.mark.parametrize("away_at", ["offer", "download"])
def test_update_that_is_told_to_wait_for_hours_waits_and_goes_on(away_at):
    server, phase, seconds = updated(away_at, away_until=4 * 3600.0, told=3600.0)
    assert (phase, server.outcomes) == ("prepared", [])
    assert 4 * 3600.0 <= seconds <= 5 * 3600.0


def test_update_that_is_told_to_wait_for_ever_fails_after_a_day():
    server, phase, seconds = updated("offer", away_until=float("inf"), told=3600.0)
    assert (phase, server.outcomes) == (None, [("failed", "nobody answers")])
    assert LONGEST_SECONDS - 3600.0 <= seconds <= LONGEST_SECONDS

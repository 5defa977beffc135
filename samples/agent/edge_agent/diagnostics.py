from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_agent.errors import describe
from edge_agent.ports.clock import Clock
from edge_agent.times import ServerTime, format_time

SUMMARY_LENGTH = 500
DETAIL_LENGTH = 1000


@dataclass(frozen=True)
class Finding:
    """The result of one check: `status` is `pass`, `warn` or `fail`; `details` are for people."""

    status: str
    summary: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


Probe = Callable[[], Awaitable[Finding]]


class Diagnostics:
    """Looks at this agent and its machine when somebody asks. `probes` have the names that the server knows; what an
    agent does not offer has none. A probe that raises an error is a check that failed."""

    def __init__(self, probes: Mapping[str, Probe], clock: Clock, server_time: ServerTime) -> None:
        self._probes = probes
        self._clock = clock
        self._server_time = server_time

    async def report(self) -> dict[str, Any]:
        """The report as the server takes it."""
        checks = [await self._checked(name, probe) for name, probe in self._probes.items()]
        return {"collected_at": format_time(self._server_time.now()), "checks": checks}

    async def _checked(self, name: str, probe: Probe) -> dict[str, Any]:
        began = self._clock.monotonic()
        try:
            finding = await probe()
        except Exception as error:  # noqa: BLE001 - a probe may raise anything on an odd system
            finding = Finding("fail", describe(error))
        return {
            "name": name,
            "status": finding.status,
            "duration_ms": max(round((self._clock.monotonic() - began) * 1000), 0),
            "details": {name: str(value)[:DETAIL_LENGTH] for name, value in finding.details.items()},
            "summary": None if finding.summary is None else finding.summary[:SUMMARY_LENGTH],
        }

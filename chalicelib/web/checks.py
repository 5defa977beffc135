"""Checks of the parts that an API depends on, for probes."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Annotated, Protocol
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from chalicelib.kit.clock import Clock
from chalicelib.kit.fields import about
from chalicelib.kit.log import describe
from chalicelib.web.edge_services import EdgeServices
from chalicelib.web.results import HealthCheck

CHECK_SECONDS = 5.0
"""How long all checks together may take, as in the reference."""

CHECKED_FOR = timedelta(seconds=5)
"""How long a container answers with the checks that it has made."""


class HealthServices(EdgeServices, Protocol):
    """Further services that the probes need."""

    def health_checks(self) -> Sequence[HealthCheck]: ...


class CheckResult(BaseModel):
    """The outcome of one check."""

    name: Annotated[str, about("The part that was checked.", "Database")]
    time: Annotated[int, about("Duration of the check in microseconds.", 4210, minimum=0)]
    healthy: Annotated[bool, about("Whether the part works.", True)]
    error: Annotated[str | None, about("Kind of failure; null if healthy. The details are in the log.", None)]


def recent_checks(services: HealthServices) -> list[CheckResult]:
    """Those of this container, if they are not older than `CHECKED_FOR`: anybody may ask, and they call AWS."""
    now = services.platform.clock.now()
    kept = _CHECKED.get(services)
    if kept is not None and now - kept[0] < CHECKED_FOR:
        return kept[1]
    results = run_checks(services)
    _CHECKED[services] = now, results
    return results


_CHECKED: WeakKeyDictionary[HealthServices, tuple[datetime, list[CheckResult]]] = WeakKeyDictionary()


def run_checks(services: HealthServices, limit_seconds: float = CHECK_SECONDS) -> list[CheckResult]:
    """Run all checks at once; one that is not done in time counts as failed. Failures are logged, not raised."""
    checks = services.health_checks()
    if not checks:
        return []
    executor = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="health")
    started = services.platform.clock.now()
    running = [executor.submit(_timed, check, services.platform.clock) for check in checks]
    wait(running, timeout=limit_seconds)
    executor.shutdown(wait=False, cancel_futures=True)
    return [_result(check, future, started, services) for check, future in zip(checks, running, strict=True)]


def _timed(check: HealthCheck, clock: Clock) -> datetime:
    check.run()
    return clock.now()


def _result(check: HealthCheck, future: "Future[datetime]", started: datetime, services: HealthServices) -> CheckResult:
    error = future.exception() if future.done() else TimeoutError("not done in time")
    ended = future.result() if error is None else services.platform.clock.now()
    microseconds = round((ended - started).total_seconds() * 1_000_000)
    if error is not None:
        services.platform.log.failure("health_check_failed", error, check=check.name)
    return CheckResult(
        name=check.name,
        time=microseconds,
        healthy=error is None,
        error=None if error is None else describe(error)["error_type"],
    )

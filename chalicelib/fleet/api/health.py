"""Health checks for probes, and the description of the API for readers."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Annotated, Protocol
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, RootModel

from chalicelib.fleet.api import API
from chalicelib.fleet.api.protocol import Revision
from chalicelib.kit.clock import Clock
from chalicelib.kit.fields import about
from chalicelib.kit.log import describe
from chalicelib.web import published
from chalicelib.web.edge_services import EdgeServices
from chalicelib.web.endpoint import OPEN, PUBLIC, Bare, Endpoints, Request
from chalicelib.web.rendering import to_json
from chalicelib.web.results import HealthCheck
from chalicelib.web.validation import NoBody, NoPath, NoQuery, OneOf, Query
from chalicelib.web.version import VERSION

CHECK_SECONDS = 5.0
"""How long all checks together may take, as in the reference."""

CHECKED_FOR = timedelta(seconds=5)
"""How long a container answers with the checks that it has made."""

routes = Endpoints(tag="Health")


class HealthServices(EdgeServices, Protocol):
    """Further services that the probes need."""

    def health_checks(self) -> Sequence[HealthCheck]: ...


class Alive(BaseModel):
    """The answer of a running process."""

    status: Annotated[str, about("Always `ok`.", "ok")]
    version: Annotated[str, about("Version of this software.", VERSION)]


class CheckResult(BaseModel):
    """The outcome of one check."""

    name: Annotated[str, about("The part that was checked.", "Database")]
    time: Annotated[int, about("Duration of the check in microseconds.", 4210, minimum=0)]
    healthy: Annotated[bool, about("Whether the part works.", True)]
    error: Annotated[str | None, about("Kind of failure; null if healthy. The details are in the log.", None)]


class CheckResults(RootModel[list[CheckResult]]):
    """One entry for each check, in a fixed order."""


class Document(RootModel[dict[str, object]]):
    """An OpenAPI 3.0 document."""

    model_config = ConfigDict(json_schema_extra={"example": {"openapi": "3.0.3", "info": {}, "paths": {}}})


class DocumentQuery(Query):
    revision: Annotated[
        OneOf[Revision] | None,
        about("The API as this revision has it; without it the document tells what is answered in any revision."),
    ] = None


@routes.get("/livez", auth=OPEN, answer=Alive, enveloped=False, summary="Check that the process runs")
def livez(_request: Request[NoPath, NoQuery, NoBody], _services: EdgeServices) -> Bare:
    """Answers as long as the process runs; checks nothing else."""
    return _alive()


@routes.get("/ping", auth=OPEN, answer=Alive, enveloped=False, summary="Check that the process runs")
def ping(_request: Request[NoPath, NoQuery, NoBody], _services: EdgeServices) -> Bare:
    """The same as `/livez`."""
    return _alive()


@routes.get(
    "/healthz",
    auth=PUBLIC,
    answer=CheckResults,
    enveloped=False,
    errors=(503,),
    summary="Check the parts that the API depends on",
)
def healthz(_request: Request[NoPath, NoQuery, NoBody], services: HealthServices) -> Bare:
    """Checks the parts that the API depends on, and answers with 503 if one of them does not work. Results are reused
    for five seconds."""
    return _checked(services)


@routes.get(
    "/readyz",
    auth=PUBLIC,
    answer=CheckResults,
    enveloped=False,
    errors=(503,),
    summary="Check the parts that the API depends on",
)
def readyz(_request: Request[NoPath, NoQuery, NoBody], services: HealthServices) -> Bare:
    """The same as `/healthz`."""
    return _checked(services)


@routes.get(
    "/api/openapi",
    auth=PUBLIC,
    answer=Document,
    enveloped=False,
    errors=(304, 404),
    summary="Get the OpenAPI document",
)
def openapi(request: Request[NoPath, DocumentQuery, NoBody], services: EdgeServices) -> Bare:
    """Returns this description of the API, with the address of this installation. May be cached for five minutes
    (ETag). Answers 404 if the setting API_DOCS_ENABLED is off."""
    settings = services.platform.settings
    published.check_enabled(settings)
    return published.openapi(API, settings.public_url, request.query.revision or "")


def _alive() -> Bare:
    return Bare(to_json(Alive(status="ok", version=VERSION).model_dump()))


def _checked(services: HealthServices) -> Bare:
    results = _recent_checks(services)
    text = to_json([result.model_dump() for result in results])
    return Bare(text, 200 if all(result.healthy for result in results) else 503)


def _recent_checks(services: HealthServices) -> list[CheckResult]:
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

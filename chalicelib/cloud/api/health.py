"""Health checks for probes."""

from datetime import datetime
from typing import Annotated, Literal

from chalicelib.cloud.api.fields import TIME, Shown
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.fields import about
from chalicelib.web.checks import recent_checks
from chalicelib.web.endpoint import OPEN, PUBLIC, Bare, Endpoints, Request
from chalicelib.web.rendering import to_json
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Timestamp

routes = Endpoints(tag="Health")

State = Literal["CONNECTED", "DISCONNECTED"]


class AliveOut(Shown):
    """The answer of a process that runs."""

    status: Annotated[str, about("Always `ok`, from a process that runs.", "ok")]


class ReadyOut(Shown):
    """Whether the parts that the API depends on work."""

    status: Annotated[Literal["UP", "DEGRADED"], about("`DEGRADED` if a part does not work.", "UP")]
    checks: Annotated[
        dict[str, State], about("The state of each part by name.", {"database": "CONNECTED", "queue": "CONNECTED"})
    ]
    time: Annotated[Timestamp, about("Time of this answer, in UTC.", TIME)]


Nothing = Request[NoPath, NoQuery, NoBody]


@routes.get("/health/live", auth=OPEN, answer=AliveOut, enveloped=False, summary="Check that the process runs")
def check_alive(_request: Nothing, _services: Cloud) -> Bare:
    """Answers as long as the process runs; checks nothing else."""
    return Bare(to_json(AliveOut(status="ok").model_dump()))


@routes.get("/health/ready", auth=PUBLIC, answer=ReadyOut, enveloped=False, errors=(503,), summary="Check all parts")
def check_ready(_request: Nothing, services: Cloud) -> Bare:
    """Checks the parts that the API depends on, and answers 503 if one of them does not work. Results are reused for
    five seconds."""
    return _checked(services)


@routes.get("/health", auth=PUBLIC, answer=ReadyOut, enveloped=False, errors=(503,), summary="Check all parts")
def check_health(_request: Nothing, services: Cloud) -> Bare:
    """The same as `/health/ready`."""
    return _checked(services)


def _checked(services: Cloud) -> Bare:
    shown = _show(services, services.platform.clock.now())
    return Bare(to_json(shown.model_dump()), 200 if shown.status == "UP" else 503)


def _show(services: Cloud, now: datetime) -> ReadyOut:
    results = recent_checks(services)
    checks: dict[str, State] = {result.name: "CONNECTED" if result.healthy else "DISCONNECTED" for result in results}
    is_up = all(result.healthy for result in results)
    return ReadyOut(status="UP" if is_up else "DEGRADED", checks=checks, time=to_seconds_text(now))

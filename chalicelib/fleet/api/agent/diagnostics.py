"""Diagnostic reports of agents."""

from typing import Annotated

from annotated_types import Ge, MaxLen, MinLen
from pydantic import BaseModel

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import AGENT, FromAgent
from chalicelib.fleet.metrics.diagnosing import CheckName, CheckStatus, DiagnosticCheck, DiagnosticReport
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Body, DateTime, Int32, NoPath, NoQuery, OneOf, Timestamp

MAX_BYTES = 64 * 1024
SUMMARY_LENGTH_MAX = 500
CHECKS_MAX = 10

Name = Annotated[str, MaxLen(63)]
Text = Annotated[str, MaxLen(1000)]

routes = Endpoints(tag="Agents.Metrics")


class CheckReport(Body):
    """The result of one check."""

    name: Annotated[OneOf[CheckName], fields.DIAGNOSTIC_CHECK]
    status: Annotated[OneOf[CheckStatus], fields.DIAGNOSTIC_STATUS]
    duration_ms: Annotated[Int32, Ge(0), fields.DIAGNOSTIC_MILLISECONDS]
    details: Annotated[dict[Name, Text], MaxLen(50), fields.DIAGNOSTIC_DETAILS]
    summary: Annotated[str | None, MaxLen(SUMMARY_LENGTH_MAX), fields.DIAGNOSTIC_SUMMARY] = None


class DiagnosticsPush(Body):
    """A report of the calling node, for which it was asked."""

    collected_at: Annotated[DateTime, fields.DIAGNOSED_AT]
    checks: Annotated[list[CheckReport], MinLen(1), MaxLen(CHECKS_MAX), about("The checks that the agent can make.")]


class DiagnosedOut(BaseModel):
    """The report that is now kept."""

    node_id: Annotated[str, fields.NODE]
    updated_at: Annotated[Timestamp, about("When the report was received.", samples.TWO_SECONDS_LATER)]


@routes.post(
    "/api/v1/agents/diagnostics",
    auth=AGENT,
    repeats="a repeat stores the same report again",
    max_body_bytes=MAX_BYTES,
    answer=DiagnosedOut,
    summary="Tell a diagnostic report of the calling node",
)
def push_diagnostics(request: FromAgent[NoPath, NoQuery, DiagnosticsPush], services: Fleet) -> DiagnosedOut:
    """Keeps a diagnostic report of the calling node, in place of the one before. Agents are asked for it by the frame
    `{"type": "metrics", "metrics_types": ["diagnostics"]}`. Refused with 413 above 64 KiB."""
    body = request.body
    report = DiagnosticReport(
        collected_at=to_seconds_text(body.collected_at),
        checks=tuple(DiagnosticCheck(**dict(check)) for check in body.checks),
    )
    kept = services.metrics.diagnosing.keep(request.agent.node.id, report)
    return DiagnosedOut(node_id=kept.node_id, updated_at=kept.updated_at)

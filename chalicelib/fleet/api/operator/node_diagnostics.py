"""Diagnostic reports of nodes."""

from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet import fields
from chalicelib.fleet.api.operator.nodes import NodePath
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.metrics.diagnosing import CheckName, CheckStatus
from chalicelib.fleet.permissions import NODES_READ
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoQuery, OneOf, Timestamp

routes = Endpoints(tag="Nodes.Diagnostics")


class DiagnosticCheckOut(BaseModel):
    """The result of one check on the node."""

    name: Annotated[OneOf[CheckName], fields.DIAGNOSTIC_CHECK]
    status: Annotated[OneOf[CheckStatus], fields.DIAGNOSTIC_STATUS]
    duration_ms: Annotated[int, fields.DIAGNOSTIC_MILLISECONDS]
    details: Annotated[dict[str, str], fields.DIAGNOSTIC_DETAILS]
    summary: Annotated[str | None, fields.DIAGNOSTIC_SUMMARY]


class DiagnosticsOut(BaseModel):
    """The node as its agent finds it."""

    overall: Annotated[OneOf[CheckStatus], about("The worst result of all checks.", "pass")]
    collected_at: Annotated[Timestamp, fields.DIAGNOSED_AT]
    checks: Annotated[list[DiagnosticCheckOut], about("The checks that the agent can make.")]


@routes.get(
    "/api/v1/nodes/{node_id}/diagnostics",
    contract_path="/api/v1/nodes/{id}/diagnostics",
    auth=OPERATOR,
    permission=NODES_READ,
    scope=Scope.REACH,
    answer=DiagnosticsOut,
    errors=(404, 503),
    summary="Diagnose a node",
)
def diagnose_node(request: Request[NodePath, NoQuery, NoBody], services: Fleet) -> DiagnosticsOut:
    """Returns what the node's agent finds when it looks at itself and its machine. A connected agent is asked for a new
    report, which can take some seconds. Refused with 503 if the agent makes no such reports, or cannot be asked and
    has told none for five minutes."""
    report = services.metrics.diagnosing.report(request.path.node_id, reach=reach_of(request.principal))
    checks = [DiagnosticCheckOut(**dict(check)) for check in report.checks]
    return DiagnosticsOut(overall=report.overall, collected_at=report.collected_at, checks=checks)

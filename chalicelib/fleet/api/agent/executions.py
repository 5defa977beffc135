"""An agent's own executions: list them, acknowledge them, report their results."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import BaseModel, Field, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import AGENT, FromAgent
from chalicelib.fleet.commands.executions import SORTABLE
from chalicelib.fleet.commands.large_outputs import STORED_BYTES_MAX, checksum_of
from chalicelib.fleet.commands.model import AssignedExecution, Execution, Report, Status
from chalicelib.fleet.nodes.identity import require_sole
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.fields import about
from chalicelib.kit.listing import OLDEST_FIRST
from chalicelib.web.endpoint import Endpoints, Paginated
from chalicelib.web.list_query import PAGE_ITEMS, PAGE_SIZE_MAX, OrderBy, PageQuery, ordering
from chalicelib.web.validation import (
    Body,
    DateTime,
    Int32,
    NoBody,
    NoPath,
    NoQuery,
    OneOf,
    Path,
    Timestamp,
    Uuid,
)

RESULT_MAX_BYTES = 6 * 1024 * 1024
"""The largest request that Lambda takes (Lambda quotas, synchronous invocation). A long output is truncated, not
refused: an agent that is refused keeps its result and all later ones.

A body of up to 3,000,000 bytes always arrives: API Gateway passes it on inside a JSON text, in which quotes and
backslashes take two bytes each, next to headers and context of some 30 KB."""


Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]

routes = Endpoints(tag="Agents.CommandExecution", auth=AGENT)


class ExecutionPath(Path):
    execution_id: Annotated[Uuid, about("UUID of the execution.", samples.EXECUTION_ID)]


class OwnExecutionsQuery(PageQuery):
    """Which of the calling node's executions to list."""

    order_by: Annotated[OrderBy, ordering(SORTABLE, "oldest first")] = None
    status: Annotated[
        OneOf[Status], about("Status of the executions: `pending` for new work, `sent` for work in progress.")
    ]
    page_size: Annotated[Int32, Ge(1), Le(PAGE_SIZE_MAX), PAGE_ITEMS] = PAGE_SIZE_MAX


class ResultIn(Body):
    """The result of an execution."""

    status: Annotated[
        Literal["completed", "expired"],
        about("`completed`: the command ended. `expired`: the agent did not run it before the deadline."),
    ]
    output: Annotated[
        str | None,
        about("What the command wrote to stdout and stderr; truncated in the middle above 256 KiB.", samples.OUTPUT),
    ] = None
    exit_code: Annotated[
        Int32 | None, about("Exit code of the command; 143 makes the execution `cancelled`, 124 means out of time.", 0)
    ] = None
    completed_at: Annotated[
        DateTime | None,
        about(
            "When the command ended, by the agent's clock; left out: the time of the report.", samples.TWO_SECONDS_LATER
        ),
    ] = None

    output_size: Annotated[
        Annotated[Int32, Ge(0)] | None,
        about("Bytes of the whole output, if it was uploaded; else left out.", 1_048_576),
    ] = None
    output_ref: Annotated[
        Sha256 | None, about("SHA-256 of the upload that has the whole output; else left out.", samples.SHA256)
    ] = None


class UploadIn(Body):
    """A whole output that the agent would upload, compressed by gzip."""

    size: Annotated[Int32, Ge(1), Le(STORED_BYTES_MAX), about("Bytes of the upload.", 65_536)]
    sha256: Annotated[Sha256, about("SHA-256 of the upload, hexadecimal.", samples.SHA256)]


class UploadOut(BaseModel):
    """An upload that is allowed."""

    url: Annotated[str, about("Signed URL to PUT it to.", "https://outputs.example.com/executions/output.gz")]
    headers: Annotated[
        dict[str, str], about("Headers to send with it.", {"x-amz-checksum-sha256": samples.SHA256_BASE64})
    ]
    expires_at: Annotated[Timestamp, about("Until when the upload may begin.", samples.TWO_SECONDS_LATER)]


class AssignedOut(BaseModel):
    """An execution with everything that its agent needs to run it."""

    id: Annotated[str, fields.EXECUTION]
    command_id: Annotated[str, fields.COMMAND]
    command_text: Annotated[str, fields.COMMAND_TEXT]
    timeout: Annotated[int | None, fields.TIMEOUT]
    expired_at: Annotated[Timestamp | None, fields.DEADLINE]
    secret_variables: Annotated[
        list[str],
        about("Variables whose values the agent fetches before it starts the command (`/environment`).", []),
    ]
    status: Annotated[OneOf[Status], fields.EXECUTION_STATUS, Field(examples=[Status.SENT.value])]
    cancel_requested_at: Annotated[Timestamp | None, fields.CANCEL_REQUESTED_AT]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]


class EnvironmentOut(BaseModel):
    """The secrets of an execution."""

    environment: Annotated[
        dict[str, str], about("Values by the names of variables.", {"REPORTING_PASSWORD": "not-a-real-value"})
    ] = Field(repr=False)


class ReportedOut(BaseModel):
    """An execution after its result."""

    id: Annotated[str, fields.EXECUTION]
    command_id: Annotated[str, fields.COMMAND]
    node_id: Annotated[str, fields.NODE]
    status: Annotated[OneOf[Status], fields.EXECUTION_STATUS]
    exit_code: Annotated[int | None, fields.EXIT_CODE]
    sent_at: Annotated[Timestamp | None, fields.SENT_AT]
    completed_at: Annotated[Timestamp | None, fields.COMPLETED_AT]
    cancelled_at: Annotated[Timestamp | None, fields.CANCELLED_AT]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


@routes.get(
    "/api/v1/agents/command_executions",
    answer=AssignedOut,
    paginated=True,
    errors=(409,),
    summary="List executions of the calling node",
)
def list_own_executions(request: FromAgent[NoPath, OwnExecutionsQuery, NoBody], services: Fleet) -> Paginated:
    """Lists the executions of the calling node in one status, oldest first unless ordered otherwise. If a page would be
    too large it holds fewer items than asked for, with `has_next` true and its own number as `next_page`: the others
    are on the same page once these have been acknowledged. Refused with 409 `identity_conflict` while another machine
    uses the node's identity too; neither gets work."""
    require_sole(request.agent)
    asked = request.query.to_request(SORTABLE, OLDEST_FIRST)
    page = services.commands.executions.for_agent(request.agent.node.id, request.query.status, asked)
    return Paginated([_show(row) for row in page.items], page, may_be_fewer=True)


@routes.patch(
    "/api/v1/agents/command_executions/{execution_id}/acknowledge",
    answer=AssignedOut,
    errors=(403, 404, 409),
    summary="Acknowledge an execution",
)
def acknowledge_execution(request: FromAgent[ExecutionPath, NoQuery, NoBody], services: Fleet) -> AssignedOut:
    """Takes an execution: it changes from `pending` to `sent`. Refused with 409 the second time, and for any other
    status; an agent must not run an execution that it cannot acknowledge. Refused with 403 for the execution of another
    node."""
    require_sole(request.agent)
    return _show(services.commands.executions.acknowledge(request.agent.node.id, request.path.execution_id))


@routes.get(
    "/api/v1/agents/command_executions/{execution_id}/environment",
    answer=EnvironmentOut,
    errors=(403, 404, 409),
    summary="Get the secrets of an execution",
)
def get_execution_environment(request: FromAgent[ExecutionPath, NoQuery, NoBody], services: Fleet) -> EnvironmentOut:
    """Answers the values of the `secret_variables` of an open execution. The agent sets them in the environment of the
    command and nowhere else, beside `EDGE_SECRETS`, which has the names of these variables, sorted, with blanks in
    between; it masks the values in the output. Refused with 409 if the execution has a result, if its deadline has
    passed, and with the code `secret_missing` if a secret was deleted; with 403 for the execution of another node."""
    require_sole(request.agent)
    values = services.commands.environments.of(request.agent.node.id, request.path.execution_id)
    return EnvironmentOut(environment={name: value.reveal() for name, value in values.items()})


@routes.post(
    "/api/v1/agents/command_executions/{execution_id}/output",
    repeats="changes nothing",
    status=201,
    answer=UploadOut,
    errors=(403, 404, 409),
    summary="Get a URL to upload a whole output to",
)
def create_output_upload(request: FromAgent[ExecutionPath, NoQuery, UploadIn], services: Fleet) -> UploadOut:
    """Answers a signed URL that takes this one upload, for 15 minutes: the whole output of an execution beyond what a
    result holds, compressed by gzip. The result then names it. Nothing is kept of the request. Refused with 404 by a
    server that stores no outputs, with 403 for the execution of another node, with 409 if it has a result."""
    body, execution_id = request.body, request.path.execution_id
    link = services.commands.large_outputs.upload(request.agent.node.id, execution_id, body.size, body.sha256)
    headers = {"x-amz-checksum-sha256": checksum_of(body.sha256)}
    return UploadOut(url=link.url, headers=headers, expires_at=link.expires_at)


@routes.patch(
    "/api/v1/agents/command_executions/{execution_id}/result",
    max_body_bytes=RESULT_MAX_BYTES,
    answer=ReportedOut,
    errors=(403, 404, 409),
    summary="Report the result of an execution",
)
def report_result(request: FromAgent[ExecutionPath, NoQuery, ResultIn], services: Fleet) -> ReportedOut:
    """Reports the result of an execution, even if it is late or the acknowledgement was lost. Exit code 143 means that
    the command was cancelled, 124 that it ran out of time. Output above 256 KiB is truncated in the middle. Bodies of
    up to 3,000,000 bytes always arrive; up to 6 MiB it depends on how many characters need escaping. Refused with 409
    if the execution has a result already, with 403 for the execution of another node."""
    body = request.body
    report = Report(
        is_expired=body.status == "expired",
        output=body.output,
        exit_code=body.exit_code,
        completed_at=None if body.completed_at is None else to_seconds_text(body.completed_at),
        output_size=body.output_size,
        output_ref=body.output_ref,
    )
    execution_id, commands = request.path.execution_id, services.commands
    if report.output_ref is not None:
        report = commands.large_outputs.checked(execution_id, report)
    return _show_result(commands.executions.report(request.agent.node.id, execution_id, report))


def _show(row: AssignedExecution) -> AssignedOut:
    return AssignedOut(
        id=row.id,
        command_id=row.command.id,
        command_text=row.command.command_text,
        timeout=row.command.timeout,
        expired_at=row.command.expired_at,
        secret_variables=sorted(row.command.secrets),
        status=row.status,
        cancel_requested_at=row.cancel_requested_at,
        inserted_at=row.inserted_at,
    )


def _show_result(row: Execution) -> ReportedOut:
    return ReportedOut(
        id=row.id,
        command_id=row.command_id,
        node_id=row.node_id,
        status=row.status,
        exit_code=row.exit_code,
        sent_at=row.sent_at,
        completed_at=row.completed_at,
        cancelled_at=row.cancelled_at,
        inserted_at=row.inserted_at,
        updated_at=row.updated_at,
    )

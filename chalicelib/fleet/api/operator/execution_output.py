"""The whole output of an execution, which may be in a bucket."""

from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet import samples
from chalicelib.fleet.api.operator.command_executions import ExecutionPath
from chalicelib.fleet.api.operator.hiding import check_outputs
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import COMMANDS_READ
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoQuery, Timestamp

routes = Endpoints(tag="Commands.CommandExecution")


class OutputOut(BaseModel):
    """The whole output of an execution: the text, or a URL of it."""

    output: Annotated[str | None, about("The output, where it is not stored at a URL.", samples.OUTPUT)]
    is_whole: Annotated[bool, about("Whether nothing of it is missing, as far as its agent has told.", True)]
    size: Annotated[int | None, about("Bytes of the whole output, where its agent stored it.", None)]
    url: Annotated[str | None, about("Signed URL of the text, gzip encoded, for 5 minutes; otherwise null.", None)]
    url_expires_at: Annotated[Timestamp | None, about("Until when the URL is good.", None)]


@routes.get(
    "/api/v1/command_executions/{execution_id}/output",
    auth=OPERATOR,
    permission=COMMANDS_READ,
    scope=Scope.REACH,
    answer=OutputOut,
    errors=(403, 404),
    summary="Get the whole output of an execution",
)
def get_execution_output(request: Request[ExecutionPath, NoQuery, NoBody], services: Fleet) -> OutputOut:
    """Returns the whole output: as text up to 256 KiB, and beyond as a URL that any client can read for 5 minutes,
    if the node's agent stores such outputs. They are kept for at most 30 days; then, and for other agents, `output` is
    what the execution shows, and `is_whole` says whether that is less. Refused with 403 for keys that see no
    outputs."""
    check_outputs(request.principal)
    commands = services.commands
    execution = commands.executions.get(request.path.execution_id, reach=reach_of(request.principal)).execution
    link = commands.large_outputs.download(execution)
    return OutputOut(
        output=execution.output if link is None else None,
        is_whole=link is not None or execution.output_size is None,
        size=execution.output_size,
        url=None if link is None else link.url,
        url_expires_at=None if link is None else link.expires_at,
    )

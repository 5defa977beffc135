"""Routes of exports of logs."""

from typing import Annotated

from chalicelib.kit.fields import about
from chalicelib.machines.api.hosted.models import Documented, NodePath
from chalicelib.machines.api.hosted.protocol import OWNER
from chalicelib.machines.permissions import HOSTED_READ, HOSTED_WRITE
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Bare, Endpoints, Request
from chalicelib.web.validation import NoBody, NoQuery, Query, Uuid

routes = Endpoints(tag="Logs", auth=OWNER, scope=Scope.TENANT)

TASK_ID = "0190a1b2-e5f6-7071-8c8d-9e0f1a2b3c4d"
_NOT_READY = 202


class TaskOut(Documented):
    """The export that is under way."""

    task_id: Annotated[str, about("Id of the export.", TASK_ID, format="uuid")]


class LinksOut(Documented):
    """The links to exported logs."""

    data: Annotated[
        list[str], about("Links that any client can read for an hour.", ["https://exports.example.com/logs.txt.gz"])
    ]
    message: Annotated[str | None, about("Why there are none.", None)] = None


class TaskQuery(Query):
    taskId: Annotated[Uuid, about("Export that was started before.", TASK_ID)]  # noqa: N815


@routes.post(
    "/api/nodes/{node_id}/logs",
    contract_path="/api/nodes/{id}/logs",
    permission=HOSTED_WRITE,
    counted_as="hosted.change",
    audit="hosted_node.export_logs",
    is_deferred=True,
    answer=TaskOut,
    errors=(404,),
    summary="Start an export of logs",
)
def start_log_export(request: Request[NodePath, NoQuery, NoBody], services: Machines) -> TaskOut:
    """Has the node's agent upload its log files; if it is away, what the machine wrote to its console is taken."""
    tenant, hosted = request.principal.tenant, services.hosted
    node = hosted.nodes.get(tenant, request.path.node_id)
    return request.once(lambda: hosted.exports.begin(tenant, node.id), lambda export: TaskOut(task_id=export.id))


@routes.get(
    "/api/nodes/{node_id}/logs",
    contract_path="/api/nodes/{id}/logs",
    permission=HOSTED_READ,
    counted_as="hosted.read",
    answer=LinksOut,
    errors=(202, 404),
    summary="Get the links of an export of logs",
)
def get_log_export(request: Request[NodePath, TaskQuery, NoBody], services: Machines) -> Bare:
    """Returns links to the exported logs, each good for an hour; the logs are kept for a week. Answers 202 with an
    empty list until they are there."""
    tenant, exports = request.principal.tenant, services.hosted.exports
    export = exports.get(tenant, request.path.node_id, request.query.taskId)
    out = LinksOut(data=exports.links(export), message=export.reason or None)
    return Bare(out.model_dump_json(by_alias=True), status=_NOT_READY if export.is_open else 200)

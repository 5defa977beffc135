"""Routes of actions on hosted nodes: each starts a build."""

from functools import partial
from typing import Annotated

from chalicelib.kit.errors import EdgeError, Kind, bad_request
from chalicelib.kit.fields import about
from chalicelib.machines.api.hosted.models import Documented, MessageOut, NodePath, SettingsChange
from chalicelib.machines.api.hosted.protocol import OWNER
from chalicelib.machines.hosted.model import Action
from chalicelib.machines.permissions import HOSTED_READ, HOSTED_WRITE
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Actions", auth=OWNER, scope=Scope.TENANT)


_begins = partial(
    routes.post,
    permission=HOSTED_WRITE,
    is_deferred=True,
    counted_as="hosted.change",
    answer=MessageOut,
    errors=(404, 409),
)
"""An operation that starts a build."""


class ImageOut(Documented):
    """The newest version of what nodes run."""

    data: Annotated[str, about("Version, as `rln_commit_id` of a node that runs it.", "0.2.0+b1a2b3c4d5")]


def _begin(request: Request[NodePath, NoQuery, NoBody], services: Machines, action: Action) -> MessageOut:
    tenant, node_id = request.principal.tenant, request.path.node_id
    message = MessageOut(message=f"{action.capitalize()} build started successfully.")
    return request.once(lambda: services.hosted.nodes.begin(tenant, node_id, action), lambda _: message)


@routes.get(
    "/api/nodes/latest-rln-image",
    permission=HOSTED_READ,
    counted_as="hosted.read",
    answer=ImageOut,
    errors=(503,),
    summary="Get the latest image version",
)
def get_latest_image(_request: Request[NoPath, NoQuery, NoBody], services: Machines) -> ImageOut:
    """Returns the newest version of the program that nodes run, to which an upgrade leads."""
    newest = services.hosted.fleet.newest_agent()
    if newest is None:
        raise EdgeError(Kind.UNAVAILABLE, "This installation serves no version: deploying it puts one there")
    return ImageOut(data=newest)


@_begins("/api/nodes/{node_id}/upgrade", audit="hosted_node.upgrade", summary="Upgrade a node")
def upgrade_hosted_node(request: Request[NodePath, NoQuery, NoBody], services: Machines) -> MessageOut:
    """Starts a build that has a running node update itself to the latest version. The build tells how it went. Refused
    with 409 while another build is in progress, and for a node that is not running."""
    return _begin(request, services, Action.UPGRADE)


@_begins("/api/nodes/{node_id}/start", audit="hosted_node.start", summary="Start a node")
def start_hosted_node(request: Request[NodePath, NoQuery, NoBody], services: Machines) -> MessageOut:
    """Starts a build that starts a stopped node. Refused with 409 while another build is in progress, and for a node
    that runs."""
    return _begin(request, services, Action.START)


@_begins("/api/nodes/{node_id}/stop", audit="hosted_node.stop", summary="Stop a node")
def stop_hosted_node(request: Request[NodePath, NoQuery, NoBody], services: Machines) -> MessageOut:
    """Starts a build that stops a running node, which is `PAUSED` then. Refused with 409 while another build is in
    progress, and for a node that does not run."""
    return _begin(request, services, Action.STOP)


@routes.post(
    "/api/nodes/{node_id}/settings",
    contract_path="/api/nodes/{id}/settings",
    permission=HOSTED_WRITE,
    counted_as="hosted.change",
    audit="hosted_node.change_settings",
    answer=MessageOut,
    errors=(404, 409),
    summary="Change the settings of a node",
    example={"message": "Settings applied."},
)
def change_hosted_node_settings(request: Request[NodePath, NoQuery, SettingsChange], services: Machines) -> MessageOut:
    """Starts a build that has the node's statuses sent to another receiver, or to none. The receiver that it has
    already needs no build. Refused with 400 for a URL that leads to a private address."""
    url = request.body.url
    if url is None:
        raise bad_request({"settings": ["Missing field: webhookUrl"]})
    tenant, node_id = request.principal.tenant, request.path.node_id
    return request.once(
        lambda: services.hosted.nodes.set_webhook(tenant, node_id, url),
        lambda node: MessageOut(
            message="Settings build started successfully." if node.build.is_under_way else "Settings applied."
        ),
    )

"""Instances of a tenant: launched, listed, read and deleted."""

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import MessageOut
from chalicelib.cloud.api.instance_models import (
    ConsoleOut,
    InstanceLaunch,
    InstanceOut,
    InstancePath,
    InstanceSliceOut,
    InstancesOut,
    InstancesQuery,
    InstanceStatsOut,
    show_instance,
)
from chalicelib.cloud.api.slices import slice_of
from chalicelib.cloud.compute.model import Launch, MountedVolume
from chalicelib.cloud.permissions import INSTANCE_LAUNCH, INSTANCE_READ, INSTANCE_TERMINATE
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.errors import bad_request
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Accepted, Endpoints, Paginated, PlainText, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Instances", auth=USER, scope=Scope.TENANT)

_ALL, _ONE = "/instances", "/instances/{instance_id}"


@routes.get(
    _ALL,
    permission=INSTANCE_READ,
    answer=InstancesOut,
    summary="List instances",
)
def list_cloud_instances(request: Request[NoPath, InstancesQuery, NoBody], services: Cloud) -> InstancesOut | Paginated:
    """Lists the instances of the tenant, newest first: a thousand, unless a page is asked for, or with `limit` or
    `offset` a slice with the number of all; with `tag` those that have these labels, of which a page may hold few, or
    none, before the last. One that was launched a moment ago may be missing."""
    tenant, asked = request.principal.tenant, request.query
    labels = [label.strip() for label in (asked.tag or "").split(",") if label.strip()]
    if not asked.is_slice:
        page = services.instances.page(tenant, asked.page_size, asked.after, labels)
        return Paginated([show_instance(each, tenant) for each in page.items], page)
    if asked.after:
        raise bad_request({"next_token": ["goes with page_size, not with limit and offset"]})
    shown = [show_instance(each, tenant) for each in services.instances.sliced(tenant, labels)]
    return InstancesOut(InstanceSliceOut(**slice_of(shown, asked)))


@routes.post(
    _ALL,
    permission=INSTANCE_LAUNCH,
    audit="instance.launch",
    is_deferred=True,
    answer=InstanceOut,
    status=202,
    errors=(404, 409),
    example={"status": "STARTING", "container_id": None, "private_ip": None, "node_id": None},
    summary="Launch an instance",
)
def launch_instance(request: Request[NoPath, NoQuery, InstanceLaunch], services: Cloud) -> Accepted:
    """Asks for an instance, which is `STARTING` at first. It is a node of a cluster that the tenant owns, if it owns
    one, so that commands run on it; `RUNNING` does not wait for that. With `vpc_id` or `subnet_id` it is in a network
    of the tenant. Its `volumes` are taken with it or not at all, and attached once it has a machine. 400 for an unknown
    type or image, a subnet of another VPC, or a volume that is named twice; 404 for a network, a volume or an SSH key
    that the tenant does not have; 409 for what its provider cannot do, a VPC without a subnet, or a volume that is not
    `AVAILABLE` or is in another zone; 429 beyond a quota."""
    body, by = request.body, request.principal
    wanted = Launch(
        name=body.name,
        image=body.image,
        instance_type=body.instance_type,
        ports=body.ports,
        vpc_id=body.vpc_id,
        subnet_id=body.subnet_id,
        security_group_ids=body.security_group_ids,
        ssh_key_id=body.ssh_key_id,
        volumes=tuple(MountedVolume(each.volume_id, each.mount_path) for each in body.volumes),
        metadata=body.metadata or {},
        labels=body.labels or {},
    )
    return request.once(
        lambda: services.instances.launch(by, wanted), lambda made: Accepted(show_instance(made, by.tenant))
    )


@routes.get(
    _ONE,
    permission=INSTANCE_READ,
    answer=InstanceOut,
    errors=(404,),
    summary="Get an instance",
)
def get_cloud_instance(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> InstanceOut:
    """Returns an instance by its id, its name, or the beginning of its id."""
    tenant = request.principal.tenant
    return show_instance(services.instances.get(tenant, request.path.instance_id), tenant)


@routes.delete(
    _ONE,
    permission=INSTANCE_TERMINATE,
    audit="instance.terminate",
    is_deferred=True,
    answer=MessageOut,
    errors=(404,),
    summary="Delete an instance",
)
def terminate_instance(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> MessageOut:
    """Has an instance removed with its disk, and its node with it. It is `DELETING` until it is gone, then 404."""
    services.instances.delete(request.principal.tenant, request.path.instance_id)
    return MessageOut(message="instance is being removed")


@routes.get(
    f"{_ONE}/logs",
    permission=INSTANCE_READ,
    media_type="text/plain",
    errors=(404, 409),
    contract_path="/instances/{id}/logs",
    example="edge-admin: the agent is installed and enrolled",
    summary="Read the console output of an instance",
)
def read_instance_logs(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> PlainText:
    """Returns the end of what the machine wrote to its console, up to 64 KB; nothing if there is none yet. 409 for one
    that has no machine yet."""
    text = services.instances.console_output(request.principal.tenant, request.path.instance_id)
    return PlainText(text)


@routes.get(
    f"{_ONE}/stats",
    permission=INSTANCE_READ,
    answer=InstanceStatsOut,
    errors=(404, 409),
    contract_path="/instances/{id}/stats",
    summary="Get the use of an instance",
)
def get_instance_stats(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> InstanceStatsOut:
    """Returns how much of its processors and memory an instance uses, as its agent told in the last five minutes; an
    agent that is connected is asked, which takes some seconds. 409 for an instance without an agent, and for one that
    does not answer."""
    stats = services.instance_stats.get(request.principal.tenant, request.path.instance_id)
    return InstanceStatsOut(**vars(stats))


@routes.get(
    f"{_ONE}/console",
    permission=INSTANCE_READ,
    answer=ConsoleOut,
    errors=(404, 409),
    summary="Get the console of an instance",
)
def get_instance_console(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> ConsoleOut:
    """Returns the address of EC2's console in a browser. It is for people with rights in the AWS account. 409 for a
    machine that has none."""
    url = services.instances.console_url(request.principal.tenant, request.path.instance_id)
    return ConsoleOut(url=url, console_url=url)

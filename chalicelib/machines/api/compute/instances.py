"""The caller's instances."""

from functools import partial

from chalicelib.machines.api.compute.instance_models import (
    InstanceCreate,
    InstanceOut,
    InstancePath,
    InstancesOut,
    shown,
)
from chalicelib.machines.api.compute.protocol import USER
from chalicelib.machines.instances.model import PowerOperation
from chalicelib.machines.instances.service import NewInstance
from chalicelib.machines.permissions import INSTANCES_READ, INSTANCES_WRITE
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Instances", auth=USER, scope=Scope.TENANT)

_ONE = "/api/compute/v1/instances/{instance_id}"


_acts = partial(
    routes.post,
    permission=INSTANCES_WRITE,
    is_deferred=True,
    counted_as="compute.power",
    answer=InstanceOut,
    status=202,
    errors=(404, 409),
)
"""An operation that changes the power of an instance."""


@routes.post(
    "/api/compute/v1/instances",
    permission=INSTANCES_WRITE,
    audit="instance.create",
    is_deferred=True,
    counted_as="compute.create",
    answer=InstanceOut,
    status=201,
    example={"status": "PROVISIONING", "externalIp": None, "internalIp": None, "providerId": None, "nodeId": None},
    summary="Create an instance",
)
def create_instance(request: Request[NoPath, NoQuery, InstanceCreate], services: Machines) -> Created:
    """Asks for an instance, which is `PROVISIONING` at first and `RUNNING` once it is complete, with `clusterName` once
    its node has enrolled. Refused with 400 for a template, a zone or a cluster that there is not, with 403 if the quota
    of the customer is used up (code `quota_exceeded`) or the cluster is not the customer's (code `cluster_forbidden`).
    """
    body, principal = request.body, request.principal
    wanted = NewInstance(template_id=body.template_id, zone=body.zone, name=body.name, cluster_name=body.cluster_name)
    return request.once(
        lambda: services.instances.create(principal.tenant, principal.owner, wanted),
        lambda made: Created(shown(made, services.catalogue), f"/api/compute/v1/instances/{made.id}"),
    )


@routes.get(
    "/api/compute/v1/instances",
    permission=INSTANCES_READ,
    counted_as="compute.list",
    answer=InstancesOut,
    summary="List instances",
)
def list_instances(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> InstancesOut:
    """Lists the instances of the caller's customer, newest first. One that is terminated stays in the list for an
    hour."""
    found = services.instances.every(request.principal.tenant)
    return InstancesOut(tuple(shown(one, services.catalogue) for one in found))


@routes.get(
    _ONE,
    permission=INSTANCES_READ,
    counted_as="compute.read",
    answer=InstanceOut,
    errors=(404,),
    summary="Get an instance",
)
def get_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Returns one instance of the caller's customer."""
    found = services.instances.get(request.principal.tenant, request.path.instance_id)
    return shown(found, services.catalogue)


@routes.delete(
    _ONE,
    permission=INSTANCES_WRITE,
    audit="instance.delete",
    is_deferred=True,
    counted_as="compute.delete",
    status=204,
    errors=(404, 409),
    summary="Delete an instance",
)
def delete_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> NoContent:
    """Has an instance terminated in any of its statuses, and its node deleted. Deleting twice changes nothing. Refused
    with 409 while something else is made of it, such as a hosted node."""
    services.instances.delete(request.principal.tenant, request.path.instance_id)
    return NoContent()


@_acts(f"{_ONE}/stop", audit="instance.stop", example={"status": "STOPPING"}, summary="Stop an instance")
def stop_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Has a running instance shut down in good order. While it is stopping this changes nothing; in any other status it
    is refused with 409."""
    return _power(request, services, PowerOperation.STOP)


@_acts(f"{_ONE}/start", audit="instance.start", example={"status": "STARTING"}, summary="Start an instance")
def start_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Has a stopped instance started. While it is starting this changes nothing; in any other status it is refused with
    409."""
    return _power(request, services, PowerOperation.START)


@_acts(f"{_ONE}/restart", audit="instance.restart", example={"status": "RESTARTING"}, summary="Restart an instance")
def restart_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Has a running instance rebooted, hard if it does not follow. While it is restarting this changes nothing; in any
    other status, and during a reset, it is refused with 409."""
    return _power(request, services, PowerOperation.RESTART)


@_acts(f"{_ONE}/reset", audit="instance.reset", example={"status": "RESTARTING"}, summary="Reset an instance")
def reset_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Resets a running instance as its reset button does. While it is being reset this changes nothing; in any other
    status, and during a restart, it is refused with 409."""
    return _power(request, services, PowerOperation.RESET)


def _power(
    request: Request[InstancePath, NoQuery, NoBody], services: Machines, operation: PowerOperation
) -> InstanceOut:
    tenant, instance_id = request.principal.tenant, request.path.instance_id
    return request.once(
        lambda: services.instances.power(tenant, instance_id, operation),
        lambda changed: shown(changed, services.catalogue),
    )

"""Instances of all customers, for the operator of the installation."""

from functools import partial

from chalicelib.machines.api.compute.instance_models import (
    AdminInstanceQuery,
    InstanceOut,
    InstancePageOut,
    InstancePath,
    shown,
)
from chalicelib.machines.api.compute.protocol import USER
from chalicelib.machines.instances.administration import Filter
from chalicelib.machines.instances.model import PowerOperation
from chalicelib.machines.permissions import INSTANCES_ADMINISTER
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Administration", auth=USER, scope=Scope.INSTALLATION)

_ONE = "/api/compute/v1/admin/instances/{instance_id}"


_acts = partial(
    routes.post,
    permission=INSTANCES_ADMINISTER,
    is_deferred=True,
    counted_as="compute.admin",
    answer=InstanceOut,
    status=202,
    errors=(404, 409),
)
"""An operation that changes the power of an instance."""


@routes.get(
    "/api/compute/v1/admin/instances",
    permission=INSTANCES_ADMINISTER,
    counted_as="compute.admin",
    answer=InstancePageOut,
    summary="List the instances of all customers",
)
def admin_list_instances(request: Request[NoPath, AdminInstanceQuery, NoBody], services: Machines) -> InstancePageOut:
    """Lists instances of all customers, newest first, a page at a time. Filters ignore case; of several all must
    fit."""
    query = request.query
    wanted = Filter(
        owner=query.user_id,
        tenant=query.customer_id,
        status=query.status,
        zone=query.zone,
        template_id=query.template_id,
    )
    found, total = services.all_instances.page(wanted, query.page, query.limit)
    return InstancePageOut(
        pages=-(-total // query.limit),
        items=total,
        instances=tuple(shown(one, services.catalogue) for one in found),
    )


@routes.get(
    _ONE,
    permission=INSTANCES_ADMINISTER,
    counted_as="compute.admin",
    answer=InstanceOut,
    errors=(404,),
    summary="Get the instance of any customer",
)
def admin_get_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Returns an instance of any customer."""
    return shown(services.all_instances.get(request.path.instance_id), services.catalogue)


@routes.delete(
    _ONE,
    permission=INSTANCES_ADMINISTER,
    audit="instance.delete",
    is_deferred=True,
    counted_as="compute.admin",
    status=204,
    errors=(404, 409),
    summary="Delete the instance of any customer",
)
def admin_delete_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> NoContent:
    """Has an instance terminated, as its own customer can."""
    services.all_instances.delete(request.path.instance_id)
    return NoContent()


@_acts(
    f"{_ONE}/stop", audit="instance.stop", example={"status": "STOPPING"}, summary="Stop the instance of any customer"
)
def admin_stop_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Has a running instance shut down, as its own customer can."""
    return _power(request, services, PowerOperation.STOP)


@_acts(
    f"{_ONE}/start",
    audit="instance.start",
    example={"status": "STARTING"},
    summary="Start the instance of any customer",
)
def admin_start_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Has a stopped instance started, as its own customer can."""
    return _power(request, services, PowerOperation.START)


@_acts(
    f"{_ONE}/restart",
    audit="instance.restart",
    example={"status": "RESTARTING"},
    summary="Restart the instance of any customer",
)
def admin_restart_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Has a running instance rebooted, as its own customer can."""
    return _power(request, services, PowerOperation.RESTART)


@_acts(
    f"{_ONE}/reset",
    audit="instance.reset",
    example={"status": "RESTARTING"},
    summary="Reset the instance of any customer",
)
def admin_reset_instance(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> InstanceOut:
    """Resets a running instance, as its own customer can."""
    return _power(request, services, PowerOperation.RESET)


def _power(
    request: Request[InstancePath, NoQuery, NoBody], services: Machines, operation: PowerOperation
) -> InstanceOut:
    return request.once(
        lambda: services.all_instances.power(request.path.instance_id, operation),
        lambda changed: shown(changed, services.catalogue),
    )

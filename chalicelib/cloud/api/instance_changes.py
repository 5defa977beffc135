"""Changes of an instance: its power, its type, and what is noted of it."""

from collections.abc import Callable
from functools import partial

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import MessageOut
from chalicelib.cloud.api.instance_models import (
    InstanceOut,
    InstancePath,
    LabelsOut,
    MetadataChange,
    Resize,
    ResizedOut,
    StatusChange,
    TagPath,
    TagsAdd,
    show_instance,
)
from chalicelib.cloud.compute import dialect as rules
from chalicelib.cloud.compute.instances import labels_of
from chalicelib.cloud.permissions import INSTANCE_READ, INSTANCE_RESIZE, INSTANCE_UPDATE
from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.provisioning.model import Changes, Resource
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Instances", auth=USER, scope=Scope.TENANT)

_ONE = "/instances/{instance_id}"


_switches = partial(routes.post, permission=INSTANCE_UPDATE, is_deferred=True, answer=MessageOut, errors=(404, 409))
"""An operation that switches the power of an instance."""


@routes.put(
    _ONE,
    permission=INSTANCE_UPDATE,
    audit="instance.update",
    is_deferred=True,
    answer=InstanceOut,
    errors=(404, 409),
    summary="Start or stop an instance",
)
def update_instance(request: Request[InstancePath, NoQuery, StatusChange], services: Cloud) -> InstanceOut:
    """Has an instance started or stopped; one that is so already is left as it is. 409 in any other status."""
    tenant = request.principal.tenant
    is_on = request.body.status == "RUNNING"
    decide, verb = (rules.started, "start") if is_on else (rules.stopped, "stop")
    return show_instance(services.instances.change(tenant, request.path.instance_id, decide, verb), tenant)


def _switch(
    request: Request[InstancePath, NoQuery, NoBody],
    services: Cloud,
    decide: Callable[[Resource], Changes | None],
    verb: str,
) -> MessageOut:
    tenant, wanted = request.principal.tenant, request.path.instance_id
    return request.once(
        lambda: services.instances.change(tenant, wanted, decide, verb),
        lambda _changed: MessageOut(message=f"instance {verb} accepted"),
    )


@_switches(f"{_ONE}/start", audit="instance.start", summary="Start an instance")
def start_cloud_instance(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> MessageOut:
    """Has an instance started; one that runs is left as it is. 409 in any other status."""
    return _switch(request, services, rules.started, "start")


@_switches(f"{_ONE}/stop", audit="instance.stop", summary="Stop an instance")
def stop_cloud_instance(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> MessageOut:
    """Has an instance shut down; one that is stopped is left as it is. It costs nothing while it is off. 409 in any
    other status."""
    return _switch(request, services, rules.stopped, "stop")


@_switches(f"{_ONE}/pause", audit="instance.pause", summary="Pause an instance")
def pause_instance(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> MessageOut:
    """Has an instance keep its memory on its disk, and be off. 409 unless it runs, and is of an image and a provider
    that can."""
    return _switch(request, services, rules.paused, "pause")


@_switches(f"{_ONE}/resume", audit="instance.resume", summary="Resume an instance")
def resume_instance(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> MessageOut:
    """Has a paused instance go on. 409 unless it is paused."""
    return _switch(request, services, rules.resumed, "resume")


@routes.post(
    f"{_ONE}/resize",
    permission=INSTANCE_RESIZE,
    audit="instance.resize",
    is_deferred=True,
    answer=ResizedOut,
    errors=(404, 409),
    summary="Change the type of an instance",
)
def resize_instance(request: Request[InstancePath, NoQuery, Resize], services: Cloud) -> ResizedOut:
    """Has an instance get another type: one that runs is stopped for it, and started again. Its disk stays as it is.
    400 for an unknown type, 409 unless it runs or is stopped, or where its provider cannot, 429 beyond a quota."""
    tenant, wanted, name = request.principal.tenant, request.path.instance_id, request.body.instance_type
    return request.once(
        lambda: services.instances.resize(tenant, wanted, name),
        lambda made: ResizedOut(
            message="instance resize accepted",
            instance_type=rules.spec_of(made).template_id,
            status=rules.shown_status(made),
        ),
    )


@routes.put(
    f"{_ONE}/metadata",
    permission=INSTANCE_UPDATE,
    audit="instance.metadata",
    answer=MessageOut,
    errors=(404, 409),
    summary="Change the metadata of an instance",
)
def change_instance_metadata(request: Request[InstancePath, NoQuery, MetadataChange], services: Cloud) -> MessageOut:
    """Merges metadata and labels with those that are there; an empty text takes its name away."""
    sent = {"metadata": request.body.metadata or {}, "labels": request.body.labels or {}}
    services.instances.note(
        request.principal.tenant,
        request.path.instance_id,
        lambda notes: {name: rules.merged(notes.get(name, {}), texts) for name, texts in sent.items()},
    )
    return MessageOut(message="instance metadata changed")


@routes.get(
    f"{_ONE}/tags",
    permission=INSTANCE_READ,
    answer=LabelsOut,
    errors=(404,),
    contract_path="/instances/{id}/tags",
    example={"role": "web"},
    summary="Get the labels of an instance",
)
def get_instance_tags(request: Request[InstancePath, NoQuery, NoBody], services: Cloud) -> LabelsOut:
    """Returns the labels of an instance."""
    found = services.instances.get(request.principal.tenant, request.path.instance_id)
    return LabelsOut({**labels_of(found)})


@routes.post(
    f"{_ONE}/tags",
    permission=INSTANCE_UPDATE,
    audit="instance.tag",
    contract_path="/instances/{id}/tags",
    answer=MessageOut,
    errors=(404, 409),
    summary="Add labels to an instance",
)
def add_instance_tags(request: Request[InstancePath, NoQuery, TagsAdd], services: Cloud) -> MessageOut:
    """Merges labels with those that are there; an empty text takes its name away."""
    tenant, wanted, tags = request.principal.tenant, request.path.instance_id, request.body.tags
    return request.once(
        lambda: services.instances.note(
            tenant, wanted, lambda notes: {"labels": rules.merged(notes.get("labels", {}), tags)}
        ),
        lambda _changed: MessageOut(message="labels added"),
    )


@routes.delete(
    f"{_ONE}/tags/{{key}}",
    permission=INSTANCE_UPDATE,
    audit="instance.untag",
    contract_path="/instances/{id}/tags/{key}",
    answer=MessageOut,
    errors=(404, 409),
    summary="Remove a label of an instance",
)
def remove_instance_tag(request: Request[TagPath, NoQuery, NoBody], services: Cloud) -> MessageOut:
    """Takes a label away; one that is not there is no error."""
    services.instances.note(
        request.principal.tenant,
        request.path.instance_id,
        lambda notes: {"labels": rules.merged(notes.get("labels", {}), {request.path.key: ""})},
    )
    return MessageOut(message="label removed")

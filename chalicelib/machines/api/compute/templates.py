"""Templates and their zones."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import RootModel

from chalicelib.kit.fields import about
from chalicelib.machines.api.compute.fields import Camel
from chalicelib.machines.api.compute.protocol import USER
from chalicelib.machines.permissions import TEMPLATES_READ
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Path

routes = Endpoints(tag="Templates", auth=USER, scope=Scope.TENANT)


class TemplatePath(Path):
    template_id: Annotated[str, MinLen(1), MaxLen(64), about("Template whose zones are asked for.", "local-small")]


class TemplateOut(Camel):
    """A kind of machine."""

    id: Annotated[str, about("Id, as `templateID` of a new instance.", "local-small")]
    name: Annotated[str, about("Name for people.", "Small local machine")]
    description: Annotated[str, about("Description for people.", "An agent process on this machine")]
    machine_type: Annotated[str, about("The provider's name of the size.", "process")]
    vcpus: Annotated[int, about("Number of virtual processors.", 1)]
    memory_mb: Annotated[int, about("Memory in MiB.", 128)]
    disk_size_gb: Annotated[int, about("Capacity of the system disk, in GB.", 1)]
    disk_type: Annotated[str, about("The provider's name of the kind of disk.", "folder")]
    image: Annotated[str, about("The image that it starts from.", "sample-agent")]
    architecture: Annotated[str, about("Architecture of the processor.", "x86_64")]
    region: Annotated[str, about("Region of its zones.", "local")]
    zones: Annotated[tuple[str, ...], about("Zones in which it can be made.", ["local-a", "local-b"])]
    agent: Annotated[bool, about("Whether its machines enrol themselves.", True)]


class TemplatesOut(RootModel[tuple[TemplateOut, ...]]):
    """Templates in the order of the catalogue."""


class ZonesOut(RootModel[tuple[str, ...]]):
    """The names of zones, as `zone` of a new instance."""


@routes.get(
    "/api/compute/v1/templates",
    permission=TEMPLATES_READ,
    counted_as="compute.list",
    answer=TemplatesOut,
    summary="List templates",
)
def list_templates(_request: Request[NoPath, NoQuery, NoBody], services: Machines) -> TemplatesOut:
    """Lists the kinds of machines that can be made."""
    return TemplatesOut(
        tuple(TemplateOut.model_validate(one, from_attributes=True) for one in services.catalogue.templates)
    )


@routes.get(
    "/api/compute/v1/templates/{template_id}/zones",
    permission=TEMPLATES_READ,
    counted_as="compute.list",
    answer=ZonesOut,
    errors=(404,),
    summary="List the zones of a template",
    example=["local-a", "local-b"],
)
def list_zones(request: Request[TemplatePath, NoQuery, NoBody], services: Machines) -> ZonesOut:
    """Lists the zones in which machines of a template can be made."""
    return ZonesOut(services.catalogue.template(request.path.template_id).zones)

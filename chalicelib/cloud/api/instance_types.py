"""The types of instances."""

from typing import Annotated

from pydantic import RootModel

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import Shown
from chalicelib.cloud.api.slices import SliceQuery, slice_of
from chalicelib.cloud.compute.types import MBPS, TYPES, InstanceType
from chalicelib.cloud.permissions import INSTANCE_READ
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath

routes = Endpoints(tag="Instances")


class InstanceTypeOut(Shown):
    """A size of instances, and its price."""

    id: Annotated[str, about("Name by which a launch asks for it.", "basic-2")]
    name: Annotated[str, about("The same name.", "basic-2")]
    vcpus: Annotated[int, about("Virtual processors.", 1)]
    memory_mb: Annotated[int, about("Memory of its machines in MB.", 1_024)]
    disk_gb: Annotated[int, about("Disk of its machines, in GB of 1024 MB.", 10)]
    network_mbps: Annotated[int, about("Network in Mbit/s, at best.", MBPS)]
    price_per_hour: Annotated[float, about("US dollars an hour while it runs.", 0.01)]
    category: Annotated[str, about("First part of its name.", "basic")]


class InstanceTypeSliceOut(Shown):
    """Some of the sizes, by `limit` and `offset`."""

    data: Annotated[tuple[InstanceTypeOut, ...], about("The types of the slice.")]
    total_count: Annotated[int, about("Number of all types.", 7)]
    has_more: Annotated[bool, about("Whether there are types behind the slice.", False)]


class InstanceTypesOut(RootModel[tuple[InstanceTypeOut, ...] | InstanceTypeSliceOut]):
    """The types of instances, the smallest first, or a slice of them."""


def _show(one: InstanceType) -> InstanceTypeOut:
    return InstanceTypeOut(
        id=one.id,
        name=one.id,
        vcpus=one.vcpus,
        memory_mb=one.memory_mb,
        disk_gb=one.disk_gb,
        network_mbps=MBPS,
        price_per_hour=float(one.price_per_hour),
        category=one.category,
    )


@routes.get(
    "/instance-types",
    auth=USER,
    permission=INSTANCE_READ,
    scope=Scope.TENANT,
    answer=InstanceTypesOut,
    summary="List types of instances",
)
def list_instance_types(request: Request[NoPath, SliceQuery, NoBody], services: Cloud) -> InstanceTypesOut:
    """Lists the sizes that instances can have, with their prices: all, or with `limit` or `offset` a slice."""
    del services
    shown = tuple(map(_show, TYPES))
    asked = request.query
    return InstanceTypesOut(InstanceTypeSliceOut(**slice_of(shown, asked)) if asked.is_slice else shown)

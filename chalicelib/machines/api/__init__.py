"""The machines' published APIs. They share a container and a host; each has a protocol and a document of its own."""

from pathlib import Path

from chalicelib.machines.api.analytics.protocol import ANALYTICS
from chalicelib.machines.api.compute.protocol import COMPUTE
from chalicelib.web.api import Api

_HERE = Path(__file__).parent
_SERVICES = "chalicelib.machines.wiring.Machines"


COMPUTE_API = Api(
    name="Compute",
    services=_SERVICES,
    protocol=COMPUTE,
    modules=("chalicelib.machines.api.compute.templates", "chalicelib.machines.api.compute.document"),
    folder=_HERE / "compute",
    description="chalicelib.machines.api.compute.description.COMPUTE",
    published="compute-openapi.json",
    prefixes=("/api/compute",),
    document_route="/api/compute/v1/openapi.json",
)

ANALYTICS_API = Api(
    name="Analytics",
    services=_SERVICES,
    protocol=ANALYTICS,
    modules=(
        "chalicelib.machines.api.analytics.instances",
        "chalicelib.machines.api.analytics.queries",
        "chalicelib.machines.api.analytics.document",
    ),
    folder=_HERE / "analytics",
    description="chalicelib.machines.api.analytics.description.ANALYTICS",
    published="analytics-openapi.json",
    prefixes=("/v1",),
    document_route="/v1/openapi.json",
)

APIS = (COMPUTE_API, ANALYTICS_API)

"""The machines' published APIs. They share a container and a host; each has a protocol and a document of its own."""

from pathlib import Path

from chalicelib.machines.api.analytics.protocol import ANALYTICS
from chalicelib.machines.api.auth.protocol import AUTH
from chalicelib.machines.api.compute.protocol import BILLING, COMPUTE
from chalicelib.machines.api.hosted.protocol import HOSTED
from chalicelib.web.api import Api

_HERE = Path(__file__).parent
_SERVICES = "chalicelib.machines.wiring.Machines"


COMPUTE_API = Api(
    name="Compute",
    services=_SERVICES,
    protocol=COMPUTE,
    modules=tuple(
        f"chalicelib.machines.api.compute.{name}"
        for name in ("templates", "instances", "admin_instances", "customers", "document")
    ),
    folder=_HERE / "compute",
    description="chalicelib.machines.api.compute.description.COMPUTE",
    published="compute-openapi.json",
    events="chalicelib.machines.api.compute.event_description.MACHINE_EVENTS",
    published_events="machines-asyncapi.json",
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

BILLING_API = Api(
    name="Billing",
    services=_SERVICES,
    protocol=BILLING,
    modules=tuple(f"chalicelib.machines.api.billing.{name}" for name in ("limits", "quotas", "customer", "document")),
    folder=_HERE / "billing",
    description="chalicelib.machines.api.billing.description.BILLING",
    published="billing-openapi.json",
    prefixes=("/api/billing",),
    document_route="/api/billing/v1/openapi.json",
)

HOSTED_API = Api(
    name="Hosted nodes",
    services=_SERVICES,
    protocol=HOSTED,
    modules=(
        "chalicelib.machines.api.hosted.nodes",
        "chalicelib.machines.api.hosted.actions",
        "chalicelib.machines.api.hosted.credentials",
        "chalicelib.machines.api.hosted.logs",
        "chalicelib.machines.api.hosted.document",
    ),
    folder=_HERE / "hosted",
    description="chalicelib.machines.api.hosted.description.HOSTED",
    published="hosted-openapi.json",
    prefixes=("/api/nodes", "/api/webhook-public-key"),
    document_route="/api/nodes/openapi.json",
)

AUTH_API = Api(
    name="Auth",
    services=_SERVICES,
    protocol=AUTH,
    modules=(
        "chalicelib.machines.api.auth.sessions",
        "chalicelib.machines.api.auth.key_pairs",
        "chalicelib.machines.api.auth.users",
        "chalicelib.machines.api.auth.document",
    ),
    folder=_HERE / "auth",
    description="chalicelib.machines.api.auth.description.AUTH",
    published="auth-openapi.json",
    prefixes=("/api/auth",),
    document_route="/api/auth/v2/openapi.json",
)

APIS = (COMPUTE_API, AUTH_API, BILLING_API, HOSTED_API, ANALYTICS_API)

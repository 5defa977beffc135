"""The cloud's API. Its paths begin at the root of its host."""

from pathlib import Path

from chalicelib.cloud.api.protocol import CLOUD
from chalicelib.web.api import Api

API = Api(
    name="Cloud",
    services="chalicelib.cloud.wiring.Cloud",
    protocol=CLOUD,
    modules=tuple(
        f"chalicelib.cloud.api.{name}"
        for name in ("auth", "keys", "tenants", "members", "invitations", "quotas", "rbac", "iam", "health", "document")
    ),
    folder=Path(__file__).parent,
    description="chalicelib.cloud.api.description.CLOUD",
    published="cloud-openapi.json",
    prefixes=("/auth", "/tenants", "/rbac", "/iam", "/health"),
    document_route="/openapi.json",
)

APIS = (API,)

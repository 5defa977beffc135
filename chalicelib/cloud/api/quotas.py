"""The quotas of a tenant."""

from chalicelib.cloud.api.credentials import MEMBER, OPERATOR
from chalicelib.cloud.api.tenant_models import QuotasChange, QuotasOut, TenantPath
from chalicelib.cloud.permissions import TENANT_GRANT, TENANT_READ
from chalicelib.cloud.tenancy.model import Tenant
from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.access.principal import Scope
from chalicelib.setting_types import QUOTAS
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Quotas")


@routes.get(
    "/tenants/{tenant_id}/quotas",
    auth=MEMBER,
    permission=TENANT_READ,
    scope=Scope.TENANT,
    answer=QuotasOut,
    summary="Get quotas",
)
def get_quotas(request: Request[TenantPath, NoQuery, NoBody], services: Cloud) -> QuotasOut:
    """Returns the quotas of a tenant, and how much of them it uses."""
    return _show(services.tenancy.get(request.path.tenant_id), services)


@routes.put(
    "/tenants/{tenant_id}/quotas",
    auth=OPERATOR,
    permission=TENANT_GRANT,
    scope=Scope.INSTALLATION,
    audit="tenant.grant",
    answer=QuotasOut,
    errors=(404, 409),
    summary="Set quotas",
)
def set_quotas(request: Request[TenantPath, NoQuery, QuotasChange], services: Cloud) -> QuotasOut:
    """Sets quotas of a tenant; those that are not given stay. For the operator of the installation alone. A quota below
    what the tenant has takes nothing away: there is no more of it until less is used."""
    wanted = request.body.model_dump(exclude_none=True)
    granted = {name.removeprefix("max_"): value for name, value in wanted.items()}
    return _show(services.tenancy.grant(request.path.tenant_id, granted), services)


def _show(tenant: Tenant, services: Cloud) -> QuotasOut:
    limits = {f"max_{name}": tenant.quotas.get(name, 0) for name in QUOTAS}
    counts = services.tenancy.used(tenant.id)
    used = {f"used_{name}": counts[name] for name in QUOTAS}
    return QuotasOut(tenant_id=tenant.id, **limits, **used)

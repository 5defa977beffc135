"""Service accounts of a tenant: accounts of programs."""

from typing import Any

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.iam_models import AttachedOut, DetachedOut, PoliciesOut, show_policy
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.service_account_models import (
    AccountChange,
    AccountCreate,
    AccountOut,
    AccountPartsPath,
    AccountPath,
    AccountPolicyPath,
    AccountSecretOut,
    AccountSecretPath,
    AccountSecretsOut,
    AccountsOut,
    RotatedOut,
    ShownAccountOut,
)
from chalicelib.cloud.permissions import (
    SERVICE_ACCOUNT_CREATE,
    SERVICE_ACCOUNT_DELETE,
    SERVICE_ACCOUNT_READ,
    SERVICE_ACCOUNT_UPDATE,
)
from chalicelib.cloud.service_accounts.model import ServiceAccount, ShownAccount
from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Service accounts", auth=USER, scope=Scope.TENANT)


def _fields(account: ServiceAccount) -> dict[str, Any]:
    named = {name: getattr(account, name) for name in ("id", "name", "description", "role", "enabled")}
    times = {"created_at": account.inserted_at, "updated_at": account.updated_at}
    return {**named, "tenant_id": account.tenant, **times}


def _show(account: ServiceAccount, _tenant: str) -> AccountOut:
    return AccountOut(**_fields(account))


def _shown_once(shown: ShownAccount, _tenant: str) -> ShownAccountOut:
    return ShownAccountOut(**_fields(shown.account), secret=shown.secret.reveal())


ACCOUNTS = Kind(
    routes=routes,
    collection="/iam/service-accounts",
    path=AccountPath,
    one="a service account",
    many="service accounts",
    name="service_account",
    names="service_accounts",
    of=lambda services: services.service_accounts,
    show=_show,
    shown=AccountOut,
    read=SERVICE_ACCOUNT_READ,
)
ACCOUNTS.creates(
    AccountCreate,
    lambda services, by, body: services.service_accounts.create(by.tenant, body.name, body.description, body.role, by),
    """Makes a service account with a secret, a hundred at most. Its role gives no more than the caller has.""",
    _shown_once,
    permission=SERVICE_ACCOUNT_CREATE,
    answer=ShownAccountOut,
    errors=(404, 409),
)
ACCOUNTS.lists(
    """Lists the service accounts of the tenant. A new one may take a moment to appear.""",
    lambda services, tenant: services.service_accounts.all(tenant),
    AccountsOut,
)
ACCOUNTS.gets("""Returns a service account.""")
ACCOUNTS.changes(
    "PATCH",
    AccountChange,
    lambda services, by, account_id, body: services.service_accounts.change(
        by.tenant, account_id, by, **body.model_dump()
    ),
    """Changes a service account, from its next request on; one that is disabled is refused, with all its tokens.""",
    permission=SERVICE_ACCOUNT_UPDATE,
)
ACCOUNTS.deletes(
    """Deletes a service account: its tokens are refused by the next request.""", permission=SERVICE_ACCOUNT_DELETE
)


@routes.get(
    "/iam/service-accounts/{account_id}/secrets",
    permission=SERVICE_ACCOUNT_READ,
    answer=AccountSecretsOut,
    errors=(404,),
    summary="List secrets",
)
def list_account_secrets(request: Request[AccountPartsPath, NoQuery, NoBody], services: Cloud) -> AccountSecretsOut:
    """Lists the secrets of a service account, without their texts."""
    account = services.service_accounts.get(request.principal.tenant, request.path.account_id)
    return AccountSecretsOut(tuple(AccountSecretOut(id=one.id, created_at=one.inserted_at) for one in account.secrets))


@routes.post(
    "/iam/service-accounts/{account_id}/secrets/{secret_id}",
    permission=SERVICE_ACCOUNT_UPDATE,
    audit="tenant.revoke_account_secret",
    status=204,
    errors=(404, 409),
    summary="Revoke a secret",
)
def revoke_account_secret(request: Request[AccountSecretPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Revokes a secret, and the tokens that were issued for it."""
    path, tenant = request.path, request.principal.tenant
    return request.once(
        lambda: services.service_accounts.revoke(tenant, path.account_id, path.secret_id), lambda _: NoContent()
    )


@routes.post(
    "/iam/service-accounts/{account_id}/rotate-secret",
    keeps_answer=True,
    permission=SERVICE_ACCOUNT_UPDATE,
    audit="tenant.rotate_account_secret",
    answer=RotatedOut,
    errors=(404, 409),
    summary="Replace all secrets",
)
def rotate_account_secret(request: Request[AccountPartsPath, NoQuery, NoBody], services: Cloud) -> RotatedOut:
    """Gives a service account a new secret in place of all others, whose tokens end. The caller needs the rights of the
    account."""
    by = request.principal
    return request.once(
        lambda: services.service_accounts.rotate(by.tenant, request.path.account_id, by),
        lambda shown: RotatedOut(secret=shown.secret.reveal()),
    )


@routes.get(
    "/iam/service-accounts/{account_id}/policies",
    permission=SERVICE_ACCOUNT_READ,
    answer=PoliciesOut,
    errors=(404,),
    summary="List policies of a service account",
)
def list_account_policies(request: Request[AccountPartsPath, NoQuery, NoBody], services: Cloud) -> PoliciesOut:
    """Lists the policies that are attached to a service account."""
    tenant = request.principal.tenant
    account = services.service_accounts.get(tenant, request.path.account_id)
    found = services.policies.find(tenant, account.policies)
    return PoliciesOut(tuple(show_policy(policy, tenant) for policy in found))


@routes.post(
    "/iam/service-accounts/{account_id}/policies/{policy_id}",
    permission=SERVICE_ACCOUNT_UPDATE,
    audit="tenant.attach_policy",
    answer=AttachedOut,
    errors=(404, 409),
    summary="Attach a policy to a service account",
)
def attach_account_policy(request: Request[AccountPolicyPath, NoQuery, NoBody], services: Cloud) -> AttachedOut:
    """Attaches a policy to a service account, ten at most. It allows no more than the caller may."""
    path, by = request.path, request.principal
    return request.once(
        lambda: services.service_accounts.attach(by.tenant, path.account_id, path.policy_id, by),
        lambda _: AttachedOut(),
    )


@routes.delete(
    "/iam/service-accounts/{account_id}/policies/{policy_id}",
    permission=SERVICE_ACCOUNT_UPDATE,
    audit="tenant.detach_policy",
    answer=DetachedOut,
    errors=(404, 409),
    summary="Detach a policy from a service account",
)
def detach_account_policy(request: Request[AccountPolicyPath, NoQuery, NoBody], services: Cloud) -> DetachedOut:
    """Detaches a policy from a service account. 404 for one that is not attached, 403 for one that denies more than the
    caller may."""
    path, by = request.path, request.principal
    services.service_accounts.detach(by.tenant, path.account_id, path.policy_id, by)
    return DetachedOut()

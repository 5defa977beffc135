"""Secrets of a tenant."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import RootModel, SecretStr, StringConstraints

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import TENANT_ID, TIME, Sent, Shown
from chalicelib.cloud.permissions import SECRET_CREATE, SECRET_DELETE, SECRET_READ
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.crypto import Secret
from chalicelib.kit.errors import bad_request, found
from chalicelib.kit.fields import about
from chalicelib.kit.finding import check_found
from chalicelib.kit.listing import ListRequest
from chalicelib.kit.tables import ActedOn
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.platform.secrets.model import MOST_OF_A_TENANT, NAME_PATTERN, NewSecret, StoredSecret
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Path, Timestamp

routes = Endpoints(tag="Secrets", auth=USER, scope=Scope.TENANT)

_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02199"


class SecretPath(Path):
    secret_id: Annotated[
        str, MinLen(1), MaxLen(64), about("Id or name of a secret, or the beginning of one that is unique.", _ID)
    ]


class SecretCreate(Sent):
    """A secret to keep."""

    name: Annotated[
        str, StringConstraints(pattern=NAME_PATTERN), about("Name of the secret, unique in its tenant.", "db.password")
    ]
    value: Annotated[SecretStr, MaxLen(16_384), about("Value to keep, 16 KiB at most.", "hunter2")]
    description: Annotated[str | None, MaxLen(255), about("Purpose of the secret, for people.", "of the shop")] = None


class SecretOut(Shown):
    """A secret of a tenant. Lists do not show its value."""

    id: Annotated[str, about("UUID of the secret.", _ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that has the secret.", TENANT_ID)]
    name: Annotated[str, about("Name that the secret was given.", "db.password")]
    description: Annotated[str | None, about("Purpose that it was given; null for none.", "of the shop")]
    encrypted_value: Annotated[
        str | None, about("The value, in clear; null in lists, and for keys that only view.", "hunter2")
    ]
    created_at: Annotated[Timestamp, about("Time at which the secret was made.", TIME)]
    updated_at: Annotated[Timestamp, about("Time of the last change of the secret.", TIME)]


class SecretsOut(RootModel[tuple[SecretOut, ...]]):
    """The secrets of the tenant, the newest first, without their values."""


@routes.post(
    "/secrets",
    permission=SECRET_CREATE,
    audit="secret.create",
    answer=SecretOut,
    status=201,
    errors=(409,),
    summary="Keep a secret",
)
def create_secret(request: Request[NoPath, NoQuery, SecretCreate], services: Cloud) -> Created:
    """Keeps a secret, sealed with the key of the installation. 409 for a name that is taken, 429 beyond the quota of
    five hundred."""
    body, tenant = request.body, request.principal.tenant
    new = NewSecret(body.name, Secret(body.value.get_secret_value()), body.description)
    return request.once(lambda: services.secrets(tenant).create(new), lambda made: Created(_show(made, tenant, None)))


@routes.get("/secrets", permission=SECRET_READ, answer=SecretsOut, summary="List secrets")
def list_secrets(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> SecretsOut:
    """Lists the secrets of the tenant, without their values. A new one may take a moment to appear."""
    tenant = request.principal.tenant
    return SecretsOut(tuple(_show(secret, tenant, None) for secret in _all(services, tenant)))


@routes.get(
    "/secrets/{secret_id}",
    permission=SECRET_READ,
    audit="secret.access",
    answer=SecretOut,
    errors=(404, 409),
    summary="Read a secret",
)
def read_secret(request: Request[SecretPath, NoQuery, NoBody], services: Cloud) -> SecretOut:
    """Returns a secret with its value, which the audit log notes before. 400 for a beginning that several secrets
    have."""
    by = request.principal
    secret = _find(services, by.tenant, request.path.secret_id)
    if not _may_see_values(by):
        return _show(secret, by.tenant, None)
    services.platform.audit.note(ActedOn("secret", secret.id, secret.name))
    value = services.secrets(by.tenant).values([secret.name])[secret.name]
    return _show(secret, by.tenant, value)


@routes.delete(
    "/secrets/{secret_id}",
    permission=SECRET_DELETE,
    audit="secret.delete",
    status=204,
    errors=(404,),
    summary="Delete a secret",
)
def delete_secret(request: Request[SecretPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Deletes a secret with its value."""
    tenant = request.principal.tenant
    services.secrets(tenant).delete(_find(services, tenant, request.path.secret_id).name)
    return NoContent()


def _may_see_values(by: Principal) -> bool:
    """A key that only views sees no values; nor does an assistant."""
    return by.reveals and by.role not in {KeyRole.VIEWER, KeyRole.OPERATOR}


def _all(services: Cloud, tenant: str) -> list[StoredSecret]:
    return services.secrets(tenant).list_page(ListRequest(page_size=MOST_OF_A_TENANT, cursor="")).items


def _find(services: Cloud, tenant: str, wanted: str) -> StoredSecret:
    """The secret of that name, or that id, or the one whose name or id begins so. Raises `EdgeError` (not found), and
    (bad request) for the beginning of several."""
    if (named := services.secrets(tenant).find(wanted)) is not None:
        return named
    every = _all(services, tenant)
    same = [secret for secret in every if secret.id == wanted.lower()]
    begun = [secret for secret in every if secret.name.startswith(wanted) or secret.id.startswith(wanted.lower())]
    if not same and len(begun) > 1:
        raise bad_request({"id": ["several secrets begin so"]})
    secret = found(next(iter(same or begun), None))
    check_found(secret.id, secret.name)
    return secret


def _show(secret: StoredSecret, tenant: str, value: Secret | None) -> SecretOut:
    return SecretOut(
        id=secret.id,
        tenant_id=tenant,
        name=secret.name,
        description=secret.description,
        encrypted_value=None if value is None else value.reveal(),
        created_at=secret.inserted_at,
        updated_at=secret.updated_at,
    )

"""Secrets of the installation, for operators: save, list and delete. No operation answers a value."""

from typing import Annotated

from annotated_types import MaxLen
from pydantic import BaseModel, Field

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.script_models import SecretName
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit import crypto
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.permissions import SECRETS_READ, SECRETS_WRITE
from chalicelib.platform.secrets.model import SORTABLE, NewSecret, StoredSecret
from chalicelib.web.endpoint import Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import ListQuery, OrderBy, TextFilter, matching, ordering
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp

routes = Endpoints(tag="Commands.Secret", auth=OPERATOR, scope=Scope.INSTALLATION)

_NAME = about("Name by which scripts and runs refer to the secret.", samples.SECRET)
_DESCRIPTION = about("What the secret opens, and where it comes from; null: not said.", "Of the reporting user")


class SecretPath(Path):
    secret_name: Annotated[SecretName, _NAME]


class SecretSave(Body):
    """A secret as a whole."""

    value: Annotated[
        str | None,
        about(
            "The value, which is never shown again. Left out or null: it stays as it is; a new secret needs one.",
            "not-a-real-value",
        ),
    ] = Field(default=None, repr=False)
    description: Annotated[Annotated[str, MaxLen(500)] | None, _DESCRIPTION] = None


class SecretListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    name: Annotated[TextFilter, matching("the name of the secret")] = None


class SecretOut(BaseModel):
    """A secret without its value."""

    name: Annotated[str, _NAME]
    description: Annotated[str | None, _DESCRIPTION]
    version: Annotated[int, about("Counts the values that it has had, from 1.", 2, minimum=1)]
    value_changed_at: Annotated[Timestamp, about("When it got its present value.", samples.MOMENT)]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


@routes.put(
    "/api/v1/secrets/{secret_name}",
    permission=SECRETS_WRITE,
    audit="secret.save",
    answer=SecretOut,
    errors=(403, 422),
    summary="Save a secret",
)
def save_secret(request: Request[SecretPath, NoQuery, SecretSave], services: Fleet) -> SecretOut:
    """Makes the secret of this name, or changes it. Another value is its next version: executions that begin from then
    on get it, also those of earlier commands. Refused with 422 for a value of more than 16 KiB or with a zero byte, and
    with 403 beyond 500 secrets."""
    body = request.body
    value = None if body.value is None else crypto.Secret(body.value)
    return _show(services.secrets.save(NewSecret(request.path.secret_name, value, body.description)))


@routes.get(
    "/api/v1/secrets",
    permission=SECRETS_READ,
    answer=SecretOut,
    paginated=True,
    summary="List secrets",
)
def list_secrets(request: Request[NoPath, SecretListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists secrets without their values, newest first unless ordered otherwise."""
    page = services.secrets.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(secret) for secret in page.items], page)


@routes.get(
    "/api/v1/secrets/{secret_name}",
    permission=SECRETS_READ,
    answer=SecretOut,
    errors=(404,),
    summary="Get a secret",
)
def get_secret(request: Request[SecretPath, NoQuery, NoBody], services: Fleet) -> SecretOut:
    """Returns one secret without its value."""
    return _show(services.secrets.get(request.path.secret_name))


@routes.delete(
    "/api/v1/secrets/{secret_name}",
    permission=SECRETS_WRITE,
    audit="secret.delete",
    status=204,
    errors=(404,),
    summary="Delete a secret",
)
def delete_secret(request: Request[SecretPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes a secret with its value. Executions that would need it and have not begun fail, and say so."""
    services.secrets.delete(request.path.secret_name)
    return NoContent()


def _show(secret: StoredSecret) -> SecretOut:
    return SecretOut(
        name=secret.name,
        description=secret.description,
        version=secret.value_version,
        value_changed_at=secret.value_changed_at,
        inserted_at=secret.inserted_at,
        updated_at=secret.updated_at,
    )

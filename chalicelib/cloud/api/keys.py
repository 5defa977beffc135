"""Keys: the caller's own."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import RootModel

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import KEY_ID, TENANT_ID, TIME, USER_ID, Sent, Shown
from chalicelib.cloud.permissions import IDENTITY_CREATE, IDENTITY_DELETE, IDENTITY_READ
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.model import ApiKey, ShownKey
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.identity.rules import owner_of
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Keys", auth=USER, scope=Scope.TENANT)

_TEXT = "thecloud_6b1f0e9a7c4401a1fd8d01f07c0eb2a8"


class KeyPath(Path):
    key_id: Annotated[Uuid, about("UUID of a key of the caller's.", KEY_ID)]


class KeyCreate(Sent):
    """A key, as it is asked for."""

    name: Annotated[str, MinLen(1), MaxLen(255), about("Name of the key, for people.", "build server")]


class KeyOut(Shown):
    """A key of a user. Its rights follow at each request from its user's role in the tenant."""

    id: Annotated[str, about("UUID of the key.", KEY_ID, format="uuid")]
    user_id: Annotated[str | None, about("UUID of its user; null for a key that no user made.", USER_ID, format="uuid")]
    tenant_id: Annotated[str | None, about("UUID of the tenant in which it was made.", TENANT_ID, format="uuid")]
    default_tenant_id: Annotated[str | None, about("The same as `tenant_id`.", TENANT_ID, format="uuid")]
    name: Annotated[str, about("Name that the key was given.", "build server")]
    created_at: Annotated[Timestamp, about("Time at which the key was made.", TIME)]
    last_used: Annotated[Timestamp | None, about("Time of its last use, to the minute; null for none.", TIME)]
    expires_at: Annotated[Timestamp | None, about("Time from which it is refused; null for never.", TIME)]


class ShownKeyOut(KeyOut):
    """A new key, with its text."""

    key: Annotated[str, about("Text of the key, which is shown this once.", _TEXT)]


class KeysOut(RootModel[tuple[KeyOut, ...]]):
    """The keys of the caller, the newest first."""


@routes.post(
    "/auth/keys",
    permission=IDENTITY_CREATE,
    audit="api_key.create",
    answer=ShownKeyOut,
    status=201,
    summary="Create a key",
)
def create_user_key(request: Request[NoPath, NoQuery, KeyCreate], services: Cloud) -> Created:
    """Makes a key for the caller, fifty at most (429). 403 for a program, and for a key with rights of its own."""
    keys = services.platform.identity.user_keys
    return request.once(
        lambda: keys.create(request.body.name, request.principal), lambda shown: Created(_shown_once(shown))
    )


@routes.get(
    "/auth/keys",
    permission=IDENTITY_READ,
    answer=KeysOut,
    summary="List keys",
)
def list_user_keys(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> KeysOut:
    """Lists the caller's keys that are accepted, the newest first. A new one may take a moment to appear."""
    keys = services.platform.identity.user_keys.usable(owner_of(request.principal))
    return KeysOut(tuple(KeyOut(**_fields(key)) for key in keys))


@routes.delete(
    "/auth/keys/{key_id}",
    permission=IDENTITY_DELETE,
    audit="api_key.revoke",
    status=204,
    errors=(404,),
    summary="Revoke a key",
)
def revoke_user_key(request: Request[KeyPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Revokes a key of the caller's, at once and for good."""
    services.platform.identity.user_keys.revoke(request.path.key_id, request.principal)
    return NoContent()


def _rotate(request: Request[KeyPath, NoQuery, NoBody], services: Cloud) -> ShownKeyOut:
    keys = services.platform.identity.user_keys
    return request.once(lambda: keys.rotate(request.path.key_id, request.principal), _shown_once)


@routes.post(
    "/auth/keys/{key_id}/rotate",
    keeps_answer=True,
    permission=IDENTITY_DELETE,
    audit="api_key.rotate",
    answer=ShownKeyOut,
    errors=(404, 409),
    summary="Replace a key",
)
def rotate_user_key(request: Request[KeyPath, NoQuery, NoBody], services: Cloud) -> ShownKeyOut:
    """Makes a new key of the same name in place of a key of the caller's, which is refused from then on."""
    return _rotate(request, services)


@routes.post(
    "/auth/keys/{key_id}/regenerate",
    keeps_answer=True,
    permission=IDENTITY_DELETE,
    audit="api_key.rotate",
    answer=ShownKeyOut,
    errors=(404, 409),
    summary="Replace a key, by its other name",
)
def regenerate_user_key(request: Request[KeyPath, NoQuery, NoBody], services: Cloud) -> ShownKeyOut:
    """The same as `POST /auth/keys/{id}/rotate`."""
    return _rotate(request, services)


def _fields(key: ApiKey) -> dict[str, str | None]:
    tenant = key.tenant if key.user else None
    return {
        "id": key.id,
        "user_id": key.user,
        "tenant_id": tenant,
        "default_tenant_id": tenant,
        "name": key.name,
        "created_at": key.inserted_at,
        "last_used": key.last_used_at,
        "expires_at": key.expires_at,
    }


def _shown_once(shown: ShownKey) -> ShownKeyOut:
    return ShownKeyOut(**_fields(shown.key), key=shown.text.reveal())

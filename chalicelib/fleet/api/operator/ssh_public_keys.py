"""Public keys of user names on nodes."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, StringConstraints

from chalicelib.bootstrap import Services
from chalicelib.fleet.ssh.model import KEY_NAME_MAX_LENGTH, SORTABLE_KEYS, NewKey, SshPublicKey
from chalicelib.fleet.ssh.openssh import PATTERN
from chalicelib.web.endpoint import OPERATOR, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import ListQuery, TextFilter, UuidFilter
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Ssh.SshPublicKey")


class OwnerPath(Path):
    ssh_username_id: Uuid


class KeyPath(Path):
    ssh_public_key_id: Uuid


class SshPublicKeyCreate(Body):
    """A key in OpenSSH's form: algorithm, base64 data and an optional comment."""

    key_name: Annotated[str, MinLen(1), MaxLen(KEY_NAME_MAX_LENGTH)]
    public_key: Annotated[str, StringConstraints(pattern=PATTERN)]


class SshPublicKeyListQuery(ListQuery):
    key_name: TextFilter = None
    public_key: TextFilter = None
    ssh_username_id: UuidFilter = None
    node_id: UuidFilter = None
    username: TextFilter = None
    cluster_name: TextFilter = None


class SshPublicKeyOut(BaseModel):
    """``public_key`` is as it was given; ``fingerprint`` as OpenSSH prints it, `SHA256:…`."""

    id: str
    ssh_username_id: str
    key_name: str
    public_key: str
    fingerprint: str
    inserted_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, key: SshPublicKey) -> "SshPublicKeyOut":
        return cls(**key.model_dump(include=set(cls.model_fields)))


@routes.post(
    "/api/v1/ssh_usernames/{ssh_username_id}/ssh_public_keys",
    auth=OPERATOR,
    answer=SshPublicKeyOut,
    status=201,
    errors=(404, 409, 422),
    summary="Add a public key to an SSH user name",
)
def create_ssh_public_key(request: Request[OwnerPath, NoQuery, SshPublicKeyCreate], services: Services) -> Created:
    new = NewKey(request.body.key_name, request.body.public_key)
    key = services.ssh_public_keys.create(request.path.ssh_username_id, new)
    return Created(SshPublicKeyOut.of(key), location=f"/api/v1/ssh_public_keys/{key.id}")


@routes.get(
    "/api/v1/ssh_public_keys",
    auth=OPERATOR,
    answer=SshPublicKeyOut,
    paginated=True,
    summary="List public keys",
)
def list_ssh_public_keys(request: Request[NoPath, SshPublicKeyListQuery, NoBody], services: Services) -> Paginated:
    page = services.ssh_public_keys.list_page(request.query.to_request(SORTABLE_KEYS))
    return Paginated([SshPublicKeyOut.of(key) for key in page.items], page)


@routes.get(
    "/api/v1/ssh_public_keys/{ssh_public_key_id}",
    auth=OPERATOR,
    answer=SshPublicKeyOut,
    errors=(404,),
    summary="Get a public key",
)
def get_ssh_public_key(request: Request[KeyPath, NoQuery, NoBody], services: Services) -> SshPublicKeyOut:
    return SshPublicKeyOut.of(services.ssh_public_keys.get(request.path.ssh_public_key_id))


@routes.delete(
    "/api/v1/ssh_public_keys/{ssh_public_key_id}",
    auth=OPERATOR,
    status=204,
    errors=(404,),
    summary="Delete a public key",
)
def delete_ssh_public_key(request: Request[KeyPath, NoQuery, NoBody], services: Services) -> NoContent:
    services.ssh_public_keys.delete(request.path.ssh_public_key_id)
    return NoContent()

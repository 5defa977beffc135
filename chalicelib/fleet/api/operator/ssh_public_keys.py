"""Public keys of SSH user names, for operators."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator import filters
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import SSH_READ, SSH_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.ssh.model import KEY_NAME_MAX_LENGTH, SORTABLE_KEYS, NewKey, SshPublicKey
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.kit.openssh import PATTERN
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import ListQuery, OrderBy, TextFilter, UuidFilter, matching, ordering
from chalicelib.web.listed_filters import TextsFilter, UuidsFilter, any_of
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Ssh.SshPublicKey", auth=OPERATOR, scope=Scope.REACH)


class OwnerPath(Path):
    ssh_username_id: Annotated[Uuid, about("UUID of the user name that the key belongs to.", samples.USERNAME_ID)]


class KeyPath(Path):
    ssh_public_key_id: Annotated[Uuid, about("UUID of the public key.", samples.PUBLIC_KEY_ID)]


class SshPublicKeyCreate(Body):
    """A new public key of a user name."""

    key_name: Annotated[str, MinLen(1), MaxLen(KEY_NAME_MAX_LENGTH), fields.SSH_KEY_NAME]
    public_key: Annotated[str, StringConstraints(pattern=PATTERN), fields.SSH_PUBLIC_KEY]


class SshPublicKeyListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE_KEYS)] = None
    key_name: Annotated[TextFilter, matching("the label of the public key")] = None
    public_key: Annotated[TextFilter, matching("the key in OpenSSH's format")] = None
    ssh_username_id: Annotated[UuidFilter, about("Only keys of the user name with this UUID.")] = None
    ssh_username_id__in: Annotated[UuidsFilter, any_of("`ssh_username_id`")] = None
    node_id: Annotated[UuidFilter, about("Only keys of user names on the node with this UUID.")] = None
    username: Annotated[TextFilter, matching("the user name that the key belongs to")] = None
    key_name__in: Annotated[TextsFilter, any_of("`key_name`")] = None
    node_id__in: Annotated[UuidsFilter, any_of("`node_id` of their user names")] = None
    username__in: Annotated[TextsFilter, any_of("`username`")] = None
    cluster_name: Annotated[TextFilter, filters.CLUSTER_OF_NODE] = None
    cluster_name__in: Annotated[TextsFilter, any_of("`cluster_name`")] = None


class SshPublicKeyOut(BaseModel):
    """A public key that lets a user in."""

    id: Annotated[str, about("UUID of the public key.", samples.PUBLIC_KEY_ID, format="uuid")]
    ssh_username_id: Annotated[
        str, about("UUID of the user name that the key belongs to.", samples.USERNAME_ID, format="uuid")
    ]
    key_name: Annotated[str, fields.SSH_KEY_NAME]
    public_key: Annotated[str, fields.SSH_PUBLIC_KEY]
    fingerprint: Annotated[str, about("SHA-256 fingerprint as `ssh-keygen -l` prints it.", samples.FINGERPRINT)]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]

    @classmethod
    def of(cls, key: SshPublicKey) -> "SshPublicKeyOut":
        return cls(**key.model_dump(include=set(cls.model_fields)))


@routes.post(
    "/api/v1/ssh_usernames/{ssh_username_id}/ssh_public_keys",
    permission=SSH_WRITE,
    audit="ssh_public_key.create",
    answer=SshPublicKeyOut,
    status=201,
    errors=(404, 409, 422),
    summary="Add a public key to an SSH user name",
)
def create_ssh_public_key(request: Request[OwnerPath, NoQuery, SshPublicKeyCreate], services: Fleet) -> Created:
    """Adds a public key to a user name. Refused with 409 if the user name has a key of that `key_name` or as many keys
    as are allowed (50), with 422 for a key that OpenSSH would not accept."""
    new = NewKey(request.body.key_name, request.body.public_key)
    return request.once(
        lambda: services.ssh.public_keys.create(request.path.ssh_username_id, new, reach=reach_of(request.principal)),
        lambda key: Created(SshPublicKeyOut.of(key), location=f"/api/v1/ssh_public_keys/{key.id}"),
    )


@routes.get(
    "/api/v1/ssh_public_keys",
    permission=SSH_READ,
    answer=SshPublicKeyOut,
    paginated=True,
    summary="List public keys",
)
def list_ssh_public_keys(request: Request[NoPath, SshPublicKeyListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists the public keys of all user names, newest first unless ordered otherwise."""
    page = services.ssh.public_keys.list_page(
        request.query.to_request(SORTABLE_KEYS), reach=reach_of(request.principal)
    )
    return Paginated([SshPublicKeyOut.of(key) for key in page.items], page)


@routes.get(
    "/api/v1/ssh_public_keys/{ssh_public_key_id}",
    permission=SSH_READ,
    answer=SshPublicKeyOut,
    errors=(404,),
    summary="Get a public key",
)
def get_ssh_public_key(request: Request[KeyPath, NoQuery, NoBody], services: Fleet) -> SshPublicKeyOut:
    """Returns one public key with its fingerprint."""
    return SshPublicKeyOut.of(
        services.ssh.public_keys.get(request.path.ssh_public_key_id, reach=reach_of(request.principal))
    )


@routes.delete(
    "/api/v1/ssh_public_keys/{ssh_public_key_id}",
    permission=SSH_WRITE,
    audit="ssh_public_key.delete",
    status=204,
    errors=(404,),
    summary="Delete a public key",
)
def delete_ssh_public_key(request: Request[KeyPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes a public key: later logins with it are refused, and sessions that it let in end within two minutes."""
    services.ssh.public_keys.delete(request.path.ssh_public_key_id, reach=reach_of(request.principal))
    return NoContent()

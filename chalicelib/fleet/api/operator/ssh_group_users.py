"""SSH users of all nodes of a cluster or with a label, and the end of a person's access, for operators."""

from typing import Annotated, Literal

from annotated_types import MaxLen
from pydantic import BaseModel, Field, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.ssh_usernames import NewPublicKey, Password, Username
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.labels import PAIR_PATTERN
from chalicelib.fleet.permissions import SSH_READ, SSH_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.ssh.group_model import (
    FINGERPRINT_PATTERN,
    SORTABLE_GROUP_USERS,
    Credentials,
    GroupKey,
    GroupUser,
    NewGroupUser,
    Person,
)
from chalicelib.fleet.ssh.model import KEYS_MAX, NewKey
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.crypto import Secret
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import BoolFilter, ListQuery, OrderBy, TextFilter, matching, ordering, whether
from chalicelib.web.validation import Body, CountedFirst, NoBody, NoPath, NoQuery, Path, Query, Timestamp, Uuid

routes = Endpoints(tag="Ssh.SshGroupUser", auth=OPERATOR, scope=Scope.REACH)

Label = Annotated[str, StringConstraints(pattern=PAIR_PATTERN)]
NewPublicKeys = Annotated[tuple[NewPublicKey, ...], MaxLen(KEYS_MAX), CountedFirst()]


class GroupUserPath(Path):
    ssh_group_user_id: Annotated[Uuid, about("UUID of the user of a group.", samples.USERNAME_ID)]


class SshGroupUserCreate(Body):
    """A new user of all nodes of a cluster, or of all nodes with a label; one of these is given."""

    cluster_name: Annotated[
        str | None, about("Name of the cluster whose nodes the user may log in to; null: none.", samples.CLUSTER)
    ] = None
    label: Annotated[
        Label | None, about("Label of the nodes that the user may log in to, as `name:value`; null: none.", None)
    ] = None
    username: Annotated[Username, about("Name to log in with, unique in the group.", samples.USERNAME)]
    password: Annotated[
        Password | None, about("Password to log in with; stored as a hash only. Null: none.", "not-a-real-password")
    ] = Field(default=None, repr=False)
    public_keys: Annotated[NewPublicKeys | None, about("Public keys to log in with; null: none.")] = None

    def to_new(self) -> NewGroupUser:
        return NewGroupUser(
            username=self.username,
            cluster_name=self.cluster_name,
            label=self.label,
            password=None if self.password is None else Secret(self.password),
            public_keys=_new_keys(self.public_keys) or (),
        )


class SshGroupUserUpdate(Body):
    """New credentials of a user of a group. Fields that are left out stay."""

    password: Annotated[Password | None, about("The only password from now on; null: none.", None)] = Field(
        default=None, repr=False
    )
    public_keys: Annotated[NewPublicKeys | None, about("The only public keys from now on; null: as they are.")] = None

    def to_credentials(self) -> Credentials:
        return Credentials(
            public_keys=_new_keys(self.public_keys),
            password=None if self.password is None else Secret(self.password),
            keeps_password="password" not in self.model_fields_set,
        )


class SshGroupUserListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE_GROUP_USERS)] = None
    username: Annotated[TextFilter, matching("the user name")] = None
    cluster_name: Annotated[TextFilter, matching("the cluster whose nodes the user may log in to")] = None
    label: Annotated[TextFilter, matching("the label, `name:value`")] = None
    has_password: Annotated[BoolFilter, whether("users with a password", "users without one")] = None


class SshGroupKeyOut(BaseModel):
    """A public key that lets a user of a group in."""

    key_name: Annotated[str, fields.SSH_KEY_NAME]
    public_key: Annotated[str, fields.SSH_PUBLIC_KEY]
    fingerprint: Annotated[str, about("SHA-256 fingerprint as `ssh-keygen -l` prints it.", samples.FINGERPRINT)]
    inserted_at: Annotated[Timestamp, about("When the user got the key.", samples.MOMENT)]

    @classmethod
    def of(cls, key: GroupKey) -> "SshGroupKeyOut":
        return cls(**key.model_dump())


class SshGroupUserOut(BaseModel):
    """A name that people log in with to all nodes of a cluster, or to all with a label."""

    id: Annotated[str, about("UUID of the user of a group.", samples.USERNAME_ID, format="uuid")]
    username: Annotated[str, about("Name to log in with.", samples.USERNAME)]
    cluster_name: Annotated[
        str | None, about("Name of the cluster whose nodes admit the user; null: a label says.", samples.CLUSTER)
    ]
    label: Annotated[str | None, about("Label of the nodes that admit the user; null: a cluster says.", None)]
    has_password: Annotated[bool, about("Whether a password lets the user in.", True)]
    public_keys: Annotated[list[SshGroupKeyOut], about("The public keys of the user, in the order given.")]
    last_verified_at: Annotated[
        Timestamp | None, about("When the user last logged in to any node, up to a minute late; null: never.", None)
    ]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]

    @classmethod
    def of(cls, user: GroupUser) -> "SshGroupUserOut":
        return cls(
            **user.model_dump(include={*cls.model_fields} - {"has_password", "public_keys"}),
            has_password=user.has_password,
            public_keys=[SshGroupKeyOut.of(key) for key in user.public_keys],
        )


class SshAccessQuery(Query):
    username: Annotated[Username | None, about("Everybody who logs in with this name.", samples.USERNAME)] = None
    fingerprint: Annotated[
        Annotated[str, StringConstraints(pattern=FINGERPRINT_PATTERN)] | None,
        about("Logins with the public key of this SHA-256 fingerprint, under any name.", samples.FINGERPRINT),
    ] = None


class SshAccessOut(BaseModel):
    """The answer to a revocation."""

    result: Annotated[
        Literal["access revoked"],
        about("Always the same text: logins are refused from now on, rows are deleted in the background."),
    ]


@routes.post(
    "/api/v1/ssh_group_users",
    permission=SSH_WRITE,
    audit="ssh_group_user.create",
    answer=SshGroupUserOut,
    status=201,
    errors=(409, 422),
    summary="Create an SSH user of a cluster or a label",
)
def create_ssh_group_user(request: Request[NoPath, NoQuery, SshGroupUserCreate], services: Fleet) -> Created:
    """Lets a person log in to all nodes of a cluster, or to all with a label, also to those that join later. Refused
    with 409 if the group has the name already, with 403 for a label if the key is restricted to clusters: a label
    reaches nodes of any."""
    return request.once(
        lambda: services.ssh.group_users.create(request.body.to_new(), reach=reach_of(request.principal)),
        lambda user: Created(SshGroupUserOut.of(user), location=f"/api/v1/ssh_group_users/{user.id}"),
    )


@routes.get(
    "/api/v1/ssh_group_users",
    permission=SSH_READ,
    answer=SshGroupUserOut,
    paginated=True,
    summary="List SSH users of clusters and labels",
)
def list_ssh_group_users(request: Request[NoPath, SshGroupUserListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists the SSH users of clusters and labels, newest first unless ordered otherwise. A key that is restricted to
    clusters sees those of its clusters."""
    page = services.ssh.group_users.list_page(
        request.query.to_request(SORTABLE_GROUP_USERS), reach=reach_of(request.principal)
    )
    return Paginated([SshGroupUserOut.of(user) for user in page.items], page)


@routes.get(
    "/api/v1/ssh_group_users/{ssh_group_user_id}",
    permission=SSH_READ,
    answer=SshGroupUserOut,
    errors=(404,),
    summary="Get an SSH user of a cluster or a label",
)
def get_ssh_group_user(request: Request[GroupUserPath, NoQuery, NoBody], services: Fleet) -> SshGroupUserOut:
    """Returns one SSH user of a cluster or a label with its public keys."""
    return SshGroupUserOut.of(
        services.ssh.group_users.get(request.path.ssh_group_user_id, reach=reach_of(request.principal))
    )


@routes.patch(
    "/api/v1/ssh_group_users/{ssh_group_user_id}",
    permission=SSH_WRITE,
    audit="ssh_group_user.update",
    answer=SshGroupUserOut,
    errors=(404, 409, 422),
    summary="Replace credentials of an SSH user of a cluster or a label",
)
def update_ssh_group_user(
    request: Request[GroupUserPath, NoQuery, SshGroupUserUpdate], services: Fleet
) -> SshGroupUserOut:
    """Replaces the password, the public keys, or both: the former ones are refused from now on. Sessions that a
    former key let in end within two minutes; those of a former password go on."""
    return SshGroupUserOut.of(
        services.ssh.group_users.change(
            request.path.ssh_group_user_id, request.body.to_credentials(), reach=reach_of(request.principal)
        )
    )


@routes.delete(
    "/api/v1/ssh_group_users/{ssh_group_user_id}",
    permission=SSH_WRITE,
    audit="ssh_group_user.delete",
    status=204,
    errors=(404,),
    summary="Delete an SSH user of a cluster or a label",
)
def delete_ssh_group_user(request: Request[GroupUserPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes an SSH user of a cluster or a label: later logins with it are refused, and open
    sessions end within two minutes."""
    services.ssh.group_users.delete(request.path.ssh_group_user_id, reach=reach_of(request.principal))
    return NoContent()


@routes.delete(
    "/api/v1/ssh_access",
    permission=SSH_WRITE,
    audit="ssh_access.revoke",
    is_deferred=True,
    answer=SshAccessOut,
    status=202,
    errors=(422,),
    summary="Take a person's SSH access away everywhere",
)
def revoke_ssh_access(request: Request[NoPath, SshAccessQuery, NoBody], services: Fleet) -> SshAccessOut:
    """Refuses, from now on and on all nodes, each login with credentials that were made so far for a user name, or with
    the public key of a fingerprint, and deletes them in the background: user names of nodes, users of clusters and
    labels, keys. Credentials that are made after this second work. With a key that is restricted to clusters it holds
    in those clusters; without any it is refused with 403. Agents end open sessions within two minutes. Succeeds also
    without anything to take away."""
    services.ssh.revoking.revoke(
        Person(username=request.query.username, fingerprint=request.query.fingerprint),
        reach=reach_of(request.principal),
    )
    return SshAccessOut(result="access revoked")


def _new_keys(given: tuple[NewPublicKey, ...] | None) -> tuple[NewKey, ...] | None:
    return None if given is None else tuple(NewKey(key.key_name, key.public_key) for key in given)

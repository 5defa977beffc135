"""Access of people: SSH users, keys of the API, the audit log."""

from edgectl.model import Action, Field, Kind, Resource
from edgectl.resources.shared import CLUSTER, KEYS, NAME, NODE, PASSWORD, V1, delete, show

_USERNAME = Field("username", "Name to log in with.", is_required=True)

SSH_USERS = Resource(
    "ssh-users",
    "SSH users of single machines.",
    f"{V1}/ssh_usernames",
    ("id", "username", "node_id", "has_password", "public_keys", "last_verified_at"),
    (Field("username", "Only of this name."), NODE, CLUSTER),
    variables={"node_id": "nodes", "ssh_username_id": "ssh-users"},
    actions=(
        show(f"{V1}/ssh_usernames/{{id}}"),
        Action(
            "create",
            "POST",
            f"{V1}/nodes/{{node_id}}/ssh_usernames",
            "Let somebody log in to a machine.",
            (_USERNAME, KEYS, PASSWORD),
        ),
        Action(
            "add-key",
            "POST",
            f"{V1}/ssh_usernames/{{ssh_username_id}}/ssh_public_keys",
            "Give a user another key.",
            (
                Field("key_name", "What it is called.", is_required=True),
                Field("public_key", "File with the public key.", Kind.KEY_FILE, "key-file", is_required=True),
            ),
        ),
        delete(f"{V1}/ssh_usernames/{{id}}", "Delete the user {}?"),
    ),
)

SSH_KEYS = Resource(
    "ssh-keys",
    "Public keys of SSH users.",
    f"{V1}/ssh_public_keys",
    ("id", "key_name", "fingerprint", "ssh_username_id", "inserted_at"),
    (Field("key_name", "Only of this name."), Field("username", "Only of users of this name."), NODE),
    actions=(show(f"{V1}/ssh_public_keys/{{id}}"), delete(f"{V1}/ssh_public_keys/{{id}}", "Delete the key {}?")),
)

SSH_GROUPS = Resource(
    "ssh-groups",
    "SSH users of whole clusters or labels.",
    f"{V1}/ssh_group_users",
    ("id", "username", "cluster_name", "label", "has_password", "last_verified_at"),
    (Field("username", "Only of this name."), CLUSTER, Field("label", "Only of this label, as env=prod.", Kind.LABEL)),
    actions=(
        show(f"{V1}/ssh_group_users/{{id}}"),
        Action(
            "create",
            "POST",
            f"{V1}/ssh_group_users",
            "Let somebody log in to all machines of a cluster, or with a label.",
            (
                _USERNAME,
                Field("cluster_name", "The cluster.", option="cluster"),
                Field("label", "The label, as env=prod.", Kind.LABEL),
                KEYS,
                PASSWORD,
            ),
        ),
        Action("update", "PATCH", f"{V1}/ssh_group_users/{{id}}", "Replace credentials.", (KEYS, PASSWORD)),
        delete(f"{V1}/ssh_group_users/{{id}}", "Delete the user {}?"),
        Action(
            "revoke",
            "DELETE",
            f"{V1}/ssh_access",
            "Take a person's access away on every machine, at once.",
            (
                Field("username", "Everybody of this user name.", option="user"),
                Field("fingerprint", "Logins with the key of this fingerprint, under any name."),
            ),
            in_query=True,
            asks="End this person's access everywhere?",
        ),
    ),
)

AUDIT = Resource(
    "audit",
    "Who did what.",
    f"{V1}/audit_events",
    ("inserted_at", "principal.name", "operation", "thing.kind", "thing.name", "outcome", "address"),
    (
        Field("operation", "Only of this kind, as command.create."),
        Field("thing_id", "Only about the thing of this id.", option="thing"),
        Field("outcome", "Only with this outcome."),
        Field("tenant", "Only in the tenant of this id."),
        Field("inserted_at__gte", "Only since: a time, or a span back as 24h.", Kind.SPAN, "since"),
        Field("inserted_at__lte", "Only until: a time, or a span back.", Kind.SPAN, "until"),
    ),
)

API_KEYS = Resource(
    "api-keys",
    "Keys of people and scripts.",
    f"{V1}/api_keys",
    ("id", "name", "role", "clusters", "expires_at", "last_used_at", "revoked_at"),
    (NAME, Field("role", "Only of this role.")),
    names=("name",),
    actions=(
        show(f"{V1}/api_keys/{{id}}"),
        Action(
            "create",
            "POST",
            f"{V1}/api_keys",
            "Make one. Its text is shown once.",
            (
                Field("name", "Whose it is.", is_required=True),
                Field("role", "viewer, operator or admin."),
                Field(
                    "permissions", "A permission, where there is no role; may be repeated.", Kind.TEXTS, "permission"
                ),
                Field("clusters", "A cluster that it is restricted to; may be repeated.", Kind.TEXTS, "cluster"),
                Field("outputs", "Whether it may read outputs of commands.", Kind.FLAG),
                Field("requests_per_minute", "Its limit.", Kind.NUMBER),
                Field("expires_at", "When it ends: a time, or a span from now as 90d.", Kind.MOMENT, "expires"),
            ),
        ),
        Action(
            "update",
            "PATCH",
            f"{V1}/api_keys/{{id}}",
            "Change one.",
            (
                Field("name", "Whose it is."),
                Field("expires_at", "When it ends; none: never.", Kind.MOMENT, "expires", clears=True),
            ),
        ),
        Action(
            "rotate",
            "POST",
            f"{V1}/api_keys/{{id}}/rotate",
            "Give it a new text, shown once.",
            (Field("overlap_seconds", "Seconds that the old one works on.", Kind.NUMBER),),
        ),
        Action(
            "revoke", "DELETE", f"{V1}/api_keys/{{id}}", "End one for ever.", asks="Revoke the key {}?", done="revoked"
        ),
    ),
)

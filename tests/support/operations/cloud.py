"""The cloud's operations: what each needs to succeed in a `CloudScene` with a tenant and two members."""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.cloud.api import API
from chalicelib.cloud.permissions import ROLES
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.identity.user_store import put_member
from tests.support.cloud import ADA, BOB, EVE, PASSWORD, CloudScene
from tests.support.operations import cloud_addresses, cloud_compute, cloud_images, cloud_network
from tests.support.operations.table import Operations, Options
from tests.support.storage import rest

POLICY: Mapping[str, Any] = {
    "name": "no-deletes",
    "statements": [{"effect": "Deny", "action": ["tenant:delete"], "resource": ["*"]}],
}

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada"

_GIVE_A_ROLE = (
    "add_member",
    "change_member",
    "create_invitation",
    "create_binding",
    "create_service_account",
    "rotate_account_secret",
)

_LIFT_A_POLICY = (
    "replace_policy",
    "delete_policy",
    "detach_user_policy",
    "detach_role_policy",
    "detach_account_policy",
)

_NOTHING = "01900000-0000-7000-8000-0000000000ff"


class Scene(CloudScene):
    """A tenant with an owner and a developer."""

    def __init__(self) -> None:
        super().__init__(registration="open", **cloud_compute.SETTINGS)
        self.variables = {"tenant_id": self.tenant(), "key_id": _NOTHING, "invitation_id": _NOTHING, "token": "none"}
        self.variables |= {"account_id": _NOTHING, "secret_id": _NOTHING}
        self.variables |= {"bucket": "photos", "key": "2026/a.jpg", "upload_id": _NOTHING, "rule_id": _NOTHING}
        self.variables |= {"role_id": _NOTHING, "policy_id": _NOTHING, "name": "viewer", "permission": "rbac:write"}
        self.variables |= cloud_network.VARIABLES
        self.variables["owner_id"] = self.join(self.variables["tenant_id"], ADA, "owner")
        self.variables["user_id"] = self.join(self.variables["tenant_id"], BOB)
        self.bodies = {
            "register": {"email": EVE, "password": PASSWORD, "name": "Eve", "invitation_token": "none"},
            "verify_registration": {"token": "none", "password": PASSWORD},
            "log_in": {"email": ADA, "password": PASSWORD},
            "forget_password": {"email": ADA},
            "reset_password": {"token": "none", "new_password": PASSWORD},
            "create_user_key": {"name": "build server"},
            "create_tenant": {"name": "Difference", "slug": "difference"},
            "add_member": {"user_id": self.variables["user_id"], "role": "viewer"},
            "change_member": {"role": "viewer"},
            "create_invitation": {"email": EVE, "role": "viewer"},
            "give_clusters": {"clusters": ["north"]},
            "set_quotas": {"max_instances": 10, "max_vcpus": 8},
            "create_role": {"name": "auditor"},
            "replace_role": {"description": "reads the log"},
            "add_role_permission": {"permission": "rbac:write"},
            "create_binding": {"user_identifier": BOB, "role_name": "viewer"},
            "create_service_account": {"name": "deployer", "role": "viewer"},
            "change_service_account": {"enabled": False},
            "add_ssh_key": {"name": "laptop", "public_key": SSH_KEY},
            "create_secret": {"name": "db.password", "value": "a value that is kept"},
            "create_bucket": {"name": "another"},
            "set_bucket_versioning": {"enabled": True},
            "add_lifecycle_rule": {"prefix": "tmp/", "expiration_days": 30},
            "presign_object": {"method": "GET"},
            "create_policy": POLICY,
            "replace_policy": {**POLICY, "name": "another"},
            **cloud_network.BODIES,
            **cloud_compute.BODIES,
            **cloud_images.BODIES,
            **cloud_addresses.BODIES,
        }
        self.variables |= cloud_compute.VARIABLES
        self.variables |= cloud_images.VARIABLES
        self.variables |= cloud_addresses.VARIABLES


def _as_it_is(_: Scene) -> Options:
    return {}


def _unasked(_: Scene) -> Options:
    return {"key": None}


def _as(address: str) -> Callable[[Scene], Options]:
    return lambda scene: {"key": scene.keys[address]}


def _invited_to_register(scene: Scene) -> Options:
    token = scene.invite(scene.variables["tenant_id"], EVE)
    return {"key": None, "json": {**scene.bodies["register"], "invitation_token": token}}


def _asked_to_register(scene: Scene) -> Options:
    scene.request("register", key=None, json={"email": EVE, "password": PASSWORD, "name": "Eve"})
    scene.world.settle()
    return {"key": None, "json": {"token": scene.world.mailer.token_for(EVE), "password": PASSWORD}}


def _forgotten(scene: Scene) -> Options:
    scene.request("forget_password", key=None)
    scene.world.settle()
    return {"key": None, "json": {"token": scene.world.mailer.token_for(ADA), "new_password": PASSWORD}}


def _a_key(scene: Scene) -> Options:
    scene.variables["key_id"] = scene.request("create_user_key").json["data"]["id"]
    return {}


def _a_user_elsewhere(scene: Scene) -> Options:
    user_id = scene.join(scene.tenant("other"), EVE, "owner")
    return {"json": {"user_id": user_id, "role": "viewer"}}


def _an_empty_tenant(scene: Scene) -> Options:
    scene.variables["tenant_id"] = scene.tenant("empty")
    return {}


def _an_invitation(scene: Scene) -> Options:
    scene.variables["invitation_id"] = scene.request("create_invitation").json["data"]["id"]
    return {}


def _invited(scene: Scene) -> Options:
    scene.join(scene.tenant("other"), EVE, "owner")
    scene.variables["token"] = scene.invite(scene.variables["tenant_id"], EVE)
    return {"key": scene.keys[EVE]}


def _a_role(scene: Scene) -> Options:
    """A role of the operator's tenant, with a permission that its maker need not have."""
    if scene.variables["role_id"] != _NOTHING:
        return {}
    made = scene.request("create_role", json={"name": "keeper", "permissions": ["rbac:write"]})
    scene.variables["role_id"] = made.json["data"]["id"]
    return {}


def _a_member_of_the_operators(scene: Scene) -> None:
    tables, now = scene.world.platform.tables, scene.world.clock.now()
    tables.commit([put_member(DEFAULT_TENANT, scene.variables["user_id"], "developer", now)], "tenant.joined")


def _a_binding(scene: Scene) -> Options:
    _a_role(scene)
    _a_member_of_the_operators(scene)
    return {}


def _a_cluster(scene: Scene) -> Options:
    scene.cluster("north")
    return {}


def _a_policy(scene: Scene) -> Options:
    if scene.variables["policy_id"] != _NOTHING:
        return {}
    scene.variables["policy_id"] = scene.request("create_policy").json["data"]["id"]
    _a_member_of_the_operators(scene)
    return {}


def _attached(view: str) -> Callable[[Scene], Options]:
    def prepare(scene: Scene) -> Options:
        _a_policy(scene)
        assert scene.request(view).status == 200
        return {}

    return prepare


def _an_account(scene: Scene) -> Options:
    made = scene.request("create_service_account").json["data"]
    names = {"account_id": made["id"]}
    (secret,) = scene.request("list_account_secrets", variables=names).json["data"]
    scene.variables |= {**names, "secret_id": secret["id"], "client_secret": made["secret"]}
    scene.world.settle()
    return {}


def _credentials(scene: Scene) -> Options:
    _an_account(scene)
    body = {
        "grant_type": "client_credentials",
        "client_id": scene.variables["account_id"],
        "client_secret": scene.variables.pop("client_secret"),
    }
    return {"key": None, "json": body}


def _an_account_and_a_policy(scene: Scene) -> Options:
    _an_account(scene)
    return _a_policy(scene)


def _a_policy_of_an_account(scene: Scene) -> Options:
    _an_account_and_a_policy(scene)
    assert scene.request("attach_account_policy").status == 200
    return {}


def _an_ssh_key(scene: Scene) -> Options:
    return {"variables": {"key_id": scene.request("add_ssh_key").json["data"]["id"]}}


def _a_secret(scene: Scene) -> Options:
    scene.variables["secret_id"] = scene.request("create_secret").json["data"]["id"]
    return {}


def _a_bucket(scene: Scene) -> Options:
    """A bucket that can be used."""
    if scene.request("create_bucket", json={"name": "photos"}).status == 201:
        rest(scene.world)
    return {}


def _bytes_for_a_bucket(scene: Scene) -> Options:
    _a_bucket(scene)
    return {"body": b"bytes"}


def _an_object(scene: Scene) -> Options:
    _a_bucket(scene)
    assert scene.request("put_object", body=b"bytes").status == 201
    return {}


def _an_upload(scene: Scene) -> Options:
    _a_bucket(scene)
    scene.variables["upload_id"] = scene.request("begin_upload").json["data"]["id"]
    return {}


def _a_part(scene: Scene) -> Options:
    _an_upload(scene)
    return {"query": {"part": 1}, "body": b"bytes"}


def _an_upload_with_a_part(scene: Scene) -> Options:
    part = _a_part(scene)
    assert scene.request("put_part", **part).status == 200
    return {}


def _a_rule(scene: Scene) -> Options:
    _a_bucket(scene)
    scene.variables["rule_id"] = scene.request("add_lifecycle_rule").json["data"]["id"]
    rest(scene.world)
    return {}


PREPARED: dict[str, Any] = {
    "register": _invited_to_register,
    "verify_registration": _asked_to_register,
    "log_in": _unasked,
    "forget_password": _unasked,
    "reset_password": _forgotten,
    "get_own_user": _as(ADA),
    "delete_own_user": _as(BOB),
    "create_user_key": _as_it_is,
    "list_user_keys": _as_it_is,
    "revoke_user_key": _a_key,
    "rotate_user_key": _a_key,
    "regenerate_user_key": _a_key,
    "list_tenants": _as(ADA),
    "create_tenant": _as_it_is,
    "switch_tenant": _as(ADA),
    "leave_tenant": _as(BOB),
    "get_tenant": _as_it_is,
    "delete_tenant": _an_empty_tenant,
    "list_members": _as_it_is,
    "add_member": _a_user_elsewhere,
    "change_member": _as_it_is,
    "remove_member": _as_it_is,
    "create_invitation": _as_it_is,
    "list_invitations": _as_it_is,
    "withdraw_invitation": _an_invitation,
    "accept_invitation": _invited,
    "get_quotas": _as_it_is,
    "set_quotas": _as_it_is,
    "list_owned_clusters": _as_it_is,
    "give_clusters": _a_cluster,
    "create_role": _as_it_is,
    "list_roles": _as_it_is,
    "get_role": _a_role,
    "replace_role": _a_role,
    "delete_role": _a_role,
    "add_role_permission": _a_role,
    "remove_role_permission": _a_role,
    "create_binding": _a_binding,
    "list_bindings": _as_it_is,
    "create_policy": _as_it_is,
    "list_policies": _as_it_is,
    "get_policy": _a_policy,
    "replace_policy": _a_policy,
    "delete_policy": _a_policy,
    "list_user_policies": _a_policy,
    "attach_user_policy": _a_policy,
    "detach_user_policy": _attached("attach_user_policy"),
    "attach_role_policy": _a_policy,
    "detach_role_policy": _attached("attach_role_policy"),
    "create_service_account": _as_it_is,
    "list_service_accounts": _as_it_is,
    "get_service_account": _an_account,
    "change_service_account": _an_account,
    "delete_service_account": _an_account,
    "list_account_secrets": _an_account,
    "revoke_account_secret": _an_account,
    "rotate_account_secret": _an_account,
    "list_account_policies": _an_account,
    "attach_account_policy": _an_account_and_a_policy,
    "detach_account_policy": _a_policy_of_an_account,
    "issue_token": _credentials,
    "add_ssh_key": _as_it_is,
    "list_ssh_keys": _as_it_is,
    "get_ssh_key": _an_ssh_key,
    "delete_ssh_key": _an_ssh_key,
    "create_secret": _as_it_is,
    "list_secrets": _as_it_is,
    "read_secret": _a_secret,
    "delete_secret": _a_secret,
    **cloud_network.PREPARED,
    "create_bucket": _as_it_is,
    "list_buckets": _as_it_is,
    "delete_bucket": _a_bucket,
    "set_bucket_versioning": _a_bucket,
    "get_storage_status": _as_it_is,
    "list_objects": _an_object,
    "put_object": _bytes_for_a_bucket,
    "get_object": _an_object,
    "delete_object": _an_object,
    "list_object_versions": _an_object,
    "presign_object": _an_object,
    "begin_upload": _a_bucket,
    "put_part": _a_part,
    "complete_upload": _an_upload_with_a_part,
    "abort_upload": _an_upload,
    "list_lifecycle_rules": _a_rule,
    "add_lifecycle_rule": _a_bucket,
    "remove_lifecycle_rule": _a_rule,
    **cloud_compute.PREPARED,
    **cloud_images.PREPARED,
    **cloud_addresses.PREPARED,
    "list_audit": _as_it_is,
    "list_events": _as_it_is,
    "get_dashboard_summary": _as_it_is,
    "list_recent_events": _as_it_is,
    "get_dashboard_stats": _as_it_is,
    "get_bill": _as_it_is,
    "list_usage": _as_it_is,
    "get_forecast": _as_it_is,
    "check_alive": _unasked,
    "check_ready": _unasked,
    "check_health": _unasked,
    "show_cloud_document": _unasked,
    "list_apis_of_cloud_host": _unasked,
}

OPERATIONS = Operations(
    kind=Scene,
    prepared={API.name: PREPARED},
    within=lambda _: {"clusters": frozenset({"north"})},
    outside=lambda _: {"clusters": frozenset({"south"})},
    reveals=frozenset({"secrets"}),
    giving={
        **dict.fromkeys(_GIVE_A_ROLE, ROLES["viewer"] or frozenset()),
        **dict.fromkeys(_LIFT_A_POLICY, frozenset(POLICY["statements"][0]["action"])),
    },
    of_everybody=frozenset({"name", "permission"}),
    admits_by=frozenset({"users", "members", "tenants"}),
    replacing=frozenset({"rotate_user_key", "regenerate_user_key"}),
)

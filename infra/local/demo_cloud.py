"""`make demo FAMILY=cloud`: a tenant from nothing. The operator invites its owner and grants quotas; the owner
registers by the token of a mail, logs in, makes a key and keeps a secret, and invites a developer, who reads it and is
refused the acts of admins; with a role of the tenant's own even the secret. Then the tenant makes things
(`demo_resources`), pays for them and deletes them. The audit log has all of it."""

import email
import email.policy
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra.local.demo_resources import DemoResources
from infra.local.operator_api import ApiError, Operator

Json = dict[str, Any]

OWNER, DEVELOPER = "ada@example.com", "bob@example.com"
ROLE, SECRET = "contractor", "database-password"
PASSWORD = "Tr1cky-Horse-Staple"  # noqa: S105 - of a demo that ends with its cloud

_TOKEN = re.compile(r"^[0-9a-f]{64}$", re.MULTILINE)
_POLL_SECONDS = 0.1

QUOTAS = {
    "max_instances": 2,
    "max_vcpus": 4,
    "max_memory_gb": 4,
    "max_vpcs": 1,
    "max_storage_gb": 5,
    "max_buckets": 1,
}
CLUSTER = "engines"

Wait = Callable[[str, Callable[[], bool]], None]
"""Waits until a condition holds; the text says for what."""


class NotRefusedError(Exception):
    """The API did what it should have refused."""


class DemoCloud:
    """A tenant and its people. ``mails`` is the folder that mails are written to, ``left`` lists what tenants have in
    the account. `run` raises `ApiError`, `NotRefusedError`, `WrongResultError`, and what ``wait`` raises if something
    takes too long."""

    def __init__(self, url: str, master_key: str, mails: Path, wait: Wait, left: Callable[[], Sequence[str]]) -> None:
        self._url = url
        self._operator = Operator(url, master_key)
        self._anyone = Operator(url, "nobody")
        self._mails = mails
        self._wait = wait
        self._left = left
        self._began = time.monotonic()

    def run(self) -> None:
        """All of it, told step by step."""
        tenant = self._operator.call("POST", "/tenants", {"name": "Engines", "slug": "engines"})["data"]
        tenant_path = f"/tenants/{tenant['id']}"
        self._say(f"the operator made the tenant {tenant['slug']}, {tenant['id']}")
        self._operator.call("PUT", f"{tenant_path}/quotas", QUOTAS)
        self._operator.create_cluster(CLUSTER)
        self._operator.call("PUT", f"{tenant_path}/clusters", {"clusters": [CLUSTER]})
        self._say("it granted quotas, and gave it a cluster of the fleet, which its instances join")
        owner = self._join(self._operator, tenant_path, OWNER, "owner")
        key = owner.call("POST", "/auth/keys", {"name": "build server"})["data"]
        self._say(f"the owner made a key, {key['key'][:12]}…, shown this once")
        developer = self._join(owner, tenant_path, DEVELOPER, "developer")
        self._refused(developer, "POST", f"{tenant_path}/invitations", {"email": "eve@example.com", "role": "viewer"})
        self._refused(developer, "PUT", f"{tenant_path}/quotas", {"max_instances": 1_000})
        self._share_a_secret(owner, developer)
        DemoResources(owner, self._wait, self._say, self._left).run()
        self._refused(owner, "PUT", f"{tenant_path}/quotas", {"max_instances": 1_000})
        members = owner.call("GET", f"{tenant_path}/members")["data"]
        self._say("members: " + ", ".join(f"{one['email']} ({one['role']})" for one in members))
        user_id = next(one["user_id"] for one in members if one["email"] == DEVELOPER)
        owner.call("DELETE", f"{tenant_path}/members/{user_id}")
        self._refused(developer, "GET", tenant_path, None, status=404)
        owner.call("DELETE", f"/auth/keys/{key['id']}")
        self._refused(Operator(self._url, key["key"]), "GET", "/auth/me", None, status=401)
        self._show_trail(tenant["id"])

    def _share_a_secret(self, owner: Operator, developer: Operator) -> None:
        """The developer reads a secret of the tenant, until its role does not allow that any more."""
        kept = owner.call("POST", "/secrets", {"name": SECRET, "value": PASSWORD})["data"]
        path = f"/secrets/{kept['id']}"
        if developer.call("GET", path)["data"]["encrypted_value"] != PASSWORD:
            raise NotRefusedError(f"GET {path} shows another value")
        self._say(f"the owner keeps the secret {SECRET}, and the developer reads it")
        owner.call("POST", "/rbac/roles", {"name": ROLE, "permissions": ["tenant:read", "ssh_key:read"]})
        owner.call("POST", "/rbac/bindings", {"user_identifier": DEVELOPER, "role_name": ROLE})
        self._say(f"{DEVELOPER} has the role {ROLE} of the tenant's own now")
        developer.call("GET", "/ssh-keys")
        self._refused(developer, "GET", path, None)

    def _join(self, inviter: Operator, tenant_path: str, address: str, role: str) -> Operator:
        """A new user with that role, as a caller."""
        inviter.call("POST", f"{tenant_path}/invitations", {"email": address, "role": role})
        self._say(f"{address} is invited as {role}")
        token = self._mailed(address)
        name = address.partition("@")[0].title()
        body = {"email": address, "password": PASSWORD, "name": name, "invitation_token": token}
        self._anyone.call("POST", "/auth/register", body)
        login = self._anyone.call("POST", "/auth/login", {"email": address, "password": PASSWORD})["data"]
        self._say(f"{address} registered by the token of the mail and logged in: {login['user']['role']}")
        return Operator(self._url, login["api_key"])

    def _mailed(self, address: str) -> str:
        """The token of the mail to an address."""
        found: list[str] = []

        def is_there() -> bool:
            for file in sorted(self._mails.glob(f"*-{address}.eml")):
                mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
                found[:] = _TOKEN.findall(str(mail.get_content()))
            return bool(found)

        self._wait(f"the mail to {address}", is_there)
        return found[0]

    def _refused(self, caller: Operator, method: str, path: str, body: Json | None, status: int = 403) -> None:
        try:
            caller.call(method, path, body)
        except ApiError as error:
            if f": {status} " not in str(error):
                raise
            self._say(f"refused with {status}: {method} {path}")
        else:
            raise NotRefusedError(f"{method} {path}")

    def _show_trail(self, tenant_id: str) -> None:
        """The acts on the tenant, oldest first."""
        path = f"/api/v1/audit_events?thing_id={tenant_id}"
        wanted = {"tenant.create", "tenant.grant", "tenant.invite", "tenant.remove_member"}
        told: list[Json] = []

        def is_told() -> bool:
            told[:] = self._operator.call("GET", path)["data"]
            return wanted <= {event["operation"] for event in told if event["outcome"] == "done"}

        self._wait("the audit log", is_told)
        self._say("the audit log has:")
        for event in reversed(told):
            who = event["principal"].get("name") or event["principal"].get("id")
            print(f"              {event['inserted_at']}  {event['outcome']:7}  {event['operation']}  by {who}")

    def _say(self, text: str) -> None:
        print(f"  {time.monotonic() - self._began:7.2f} s  {text}", flush=True)

"""A tenant of the cloud, through real HTTP and under the real roles: what its keys reach in the fleet, what its log
tells, and what is left of it and its owner afterwards."""

import email
import email.policy
import re
from collections.abc import Iterable
from contextlib import closing

import pytest
import urllib3

from infra.local.cloud import LocalCloud
from infra.local.options import Options
from tests.e2e.api import TIMEOUT_SECONDS, Api
from tests.e2e.cloud import eventually
from tests.support.aws_clients import local_client
from tests.support.cloud import PASSWORD
from tests.support.operations.cloud import POLICY, SSH_KEY

pytestmark = pytest.mark.slow

OWNER = "owner@example.com"
CLUSTERS = "/api/v1/clusters"
KEPT_OF_A_TENANT = {
    *("tenants", "audit_events", "quotas", "api_keys", "verifications", "tasks", "limits"),
    *("resources", "billing_intervals"),
    *("analytics_events", "analytics_instances", "analytics_owners", "analytics_periods"),
}
"""As `docs/cloud-tenants.md` says: rows of gone things and the number of invitations for an hour, bills for good,
figures of machines for their days."""
KEPT_OF_A_PERSON = {"verifications"}

Row = dict[str, dict[str, str]]

_TOKEN = re.compile(r"^[0-9a-f]{64}$", re.MULTILINE)


@pytest.fixture(scope="module")
def mails(tmp_path_factory):
    return tmp_path_factory.mktemp("mails")


@pytest.fixture(scope="module")
def cloud(mails):
    """One with the cloud in it."""
    settings = {"MAIL_DIR": str(mails)}
    with LocalCloud(Options(settings=settings, families="machines,cloud", warms_up=False)) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def root(cloud):
    """The operator, once both APIs answer: their functions start with their first requests."""
    with closing(Api(cloud.url, cloud.master_key)) as api:
        eventually(lambda: api.get(CLUSTERS).status == 200)
        eventually(lambda: api.call("GET", "/audit", x_api_key=api.key).status == 200)
        yield api


def sent(api, method, path, body=None, status=200, **headers):
    """The data of an answer with that status."""
    answer = api.call(method, path, body, **headers)
    assert answer.status == status, answer.text
    return answer.data if answer.text else None


@pytest.fixture(scope="module")
def tenant(root):
    """The path of a tenant that was given one of two clusters."""
    for name in ("given", "kept"):
        sent(root, "POST", CLUSTERS, {"name": name}, status=201)
    made = sent(root, "POST", "/tenants", {"name": "Engines", "slug": "engines"}, status=201)
    sent(root, "PUT", f"/tenants/{made['id']}/clusters", {"clusters": ["given"]})
    return f"/tenants/{made['id']}"


@pytest.fixture(scope="module")
def owner(cloud, root, tenant, mails):
    """The tenant's owner, who registered by the token of a mail."""
    sent(root, "POST", f"{tenant}/invitations", {"email": OWNER, "role": "owner"}, status=201)
    (file,) = eventually(lambda: list(mails.glob(f"*-{OWNER}.eml")))
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    (token,) = _TOKEN.findall(str(mail.get_content()))
    body = {"email": OWNER, "password": PASSWORD}
    with closing(Api(cloud.url, "")) as anyone:
        sent(anyone, "POST", "/auth/register", {**body, "name": "Ada", "invitation_token": token}, status=201)
        key = sent(anyone, "POST", "/auth/login", body)["api_key"]
    with closing(Api(cloud.url, key)) as api:
        yield api


def test_key_of_a_tenant_reaches_the_cluster_that_it_was_given_and_no_other(root, owner):
    assert [each["name"] for each in owner.items(CLUSTERS)] == ["given"]
    assert owner.get(f"{CLUSTERS}/given").status == 200
    assert owner.get(f"{CLUSTERS}/kept").status == 404
    assert owner.call("POST", f"{CLUSTERS}/given/enrollment_keys", {}).status == 201
    assert owner.call("POST", f"{CLUSTERS}/kept/enrollment_keys", {}).status == 404
    for name, status in (("given", 201), ("kept", 422)):
        body = {"command_text": "true", "targeting": {"type": "clusters", "cluster_names": [name]}}
        assert owner.call("POST", "/api/v1/commands", body).status == status
    assert root.items("/api/v1/enrollment_keys?cluster_name=kept") == []


def test_token_of_a_program_reaches_the_cluster_too_and_its_failure_is_told(cloud, owner):
    made = sent(owner, "POST", "/iam/service-accounts", {"name": "deployer", "role": "admin"}, 201, x_api_key=owner.key)
    form = {"grant_type": "client_credentials", "client_id": made["id"]}
    with closing(Api(cloud.url, "")) as anyone:
        assert anyone.call("POST", "/oauth2/token", {**form, "client_secret": "wrong"}).status == 401
        token = sent(anyone, "POST", "/oauth2/token", {**form, "client_secret": made["secret"]})["access_token"]
    with closing(Api(cloud.url, token)) as program:
        assert [each["name"] for each in program.items(CLUSTERS)] == ["given"]
        assert program.get(f"{CLUSTERS}/kept").status == 404


def test_log_of_a_tenant_tells_what_was_done_and_refused_in_it_alone(root, owner, tenant):
    other = sent(root, "POST", "/tenants", {"name": "Other", "slug": "other"}, status=201)["id"]
    answer = owner.call("PUT", f"{tenant}/quotas", {"max_instances": 1_000}, x_api_key=owner.key)
    assert answer.status == 403
    wanted = {
        ("tenant.give_clusters", "done"),
        ("tenant.invite", "done"),
        ("user.login", "done"),
        ("tenant.grant", "refused"),
        ("service_account.prove", "refused"),
        ("command.create", "accepted"),
    }

    def log() -> list[dict[str, str]]:
        return list(sent(owner, "GET", "/audit?limit=100", x_api_key=owner.key))

    eventually(lambda: {(entry["action"], entry["status"]) for entry in log()} >= wanted)
    assert {entry["tenant_id"] for entry in log()} == {tenant.rpartition("/")[2]}
    assert owner.call("GET", "/audit", x_api_key=owner.key, x_tenant_id=other).status == 403


EVERY_BYTE = bytes(range(256)) * 40


def test_object_comes_back_byte_for_byte_by_the_api_and_by_links(root, owner, tenant):
    sent(root, "PUT", f"{tenant}/quotas", {"max_buckets": 1})
    asked, (pool, headers) = {"x_api_key": owner.key}, a_pool(owner)
    sent(owner, "POST", "/storage/buckets", {"name": "photos"}, 201, **asked)
    file = f"{owner.url}/storage/photos/2026/a%20b.bin"
    eventually(lambda: pool.request("PUT", file, body=EVERY_BYTE, headers=headers).status == 201)
    assert pool.request("GET", file, headers=headers).data == EVERY_BYTE

    link = sent(owner, "POST", "/storage/presign/photos/2026/a%20b.bin", {"method": "GET"}, **asked)
    assert pool.request("GET", link["url"]).data == EVERY_BYTE
    link = sent(owner, "POST", "/storage/presign/photos/by/link", {"method": "PUT"}, **asked)
    assert pool.request("PUT", link["url"], body=EVERY_BYTE).status == 200
    assert pool.request("GET", f"{owner.url}/storage/photos/by/link", headers=headers).data == EVERY_BYTE
    keys = {each["key"] for each in sent(owner, "GET", "/storage/photos", **asked)}
    assert keys == {"2026/a b.bin", "by/link"}

    refused = pool.request("PUT", file, body=bytes(5 * 1024 * 1024), headers=headers)
    assert (refused.status, b"presign" in refused.data) == (413, True)
    upload = sent(owner, "POST", "/storage/multipart/init/photos/parts", status=201, **asked)["id"]
    part = pool.request(
        "PUT", f"{owner.url}/storage/multipart/upload/{upload}/parts?part=1", body=EVERY_BYTE, headers=headers
    )
    assert part.status == 200, part.data
    sent(owner, "POST", f"/storage/multipart/complete/{upload}", **asked)
    assert pool.request("GET", f"{owner.url}/storage/photos/parts", headers=headers).data == EVERY_BYTE
    sent(owner, "DELETE", "/storage/buckets/photos?force=true", status=204, **asked)
    eventually(lambda: sent(owner, "GET", "/storage/buckets", **asked) == [])


def test_network_and_volume_of_a_tenant_are_made_and_removed(root, owner, tenant):
    sent(root, "PUT", f"{tenant}/quotas", {"max_vpcs": 1, "max_storage_gb": 1})
    asked = {"x_api_key": owner.key}
    vpc = sent(owner, "POST", "/vpcs", {"name": "shops", "cidr_block": "10.9.0.0/16"}, 201, **asked)["id"]
    subnet = {"name": "north", "cidr_block": "10.9.1.0/24"}
    made = sent(owner, "POST", f"/vpcs/{vpc}/subnets", subnet, 201, **asked)["id"]
    volume = sent(owner, "POST", "/volumes", {"name": "data", "size_gb": 1}, 201, **asked)["id"]
    eventually(lambda: sent(owner, "GET", f"/subnets/{made}", **asked)["status"] == "available")
    eventually(lambda: sent(owner, "GET", f"/volumes/{volume}", **asked)["status"] == "AVAILABLE")
    assert owner.call("DELETE", f"/vpcs/{vpc}", **asked).status == 409
    instance_lives_in(owner, root, tenant, vpc, made)
    for path in (f"/volumes/{volume}", f"/subnets/{made}"):
        sent(owner, "DELETE", path, **asked)
        eventually(lambda path=path: owner.call("GET", path, **asked).status == 404)
    sent(owner, "DELETE", f"/vpcs/{vpc}", **asked)
    eventually(lambda: sent(owner, "GET", "/vpcs", **asked) == [])


def instance_lives_in(owner: Api, root: Api, tenant: str, vpc: str, subnet: str) -> None:
    """An instance with a security group is launched in a subnet, is given another group, and goes, as the groups do."""
    sent(root, "PUT", f"{tenant}/quotas", {"max_instances": 1, "max_vcpus": 1, "max_memory_gb": 1})
    asked, https = {"x_api_key": owner.key}, {"direction": "ingress", "protocol": "tcp", "cidr": "0.0.0.0/0"}
    groups = [
        sent(owner, "POST", "/security-groups", {"vpc_id": vpc, "name": name}, 201, **asked)["id"]
        for name in ("web", "database")
    ]
    rules = f"/security-groups/{groups[0]}/rules"
    sent(owner, "POST", rules, {**https, "port_min": 443, "port_max": 443}, 201, **asked)
    eventually(lambda: sent(owner, "GET", f"/security-groups/{groups[0]}", **asked)["status"] == "active")

    wanted = {"name": "web-1", "image": "ubuntu-24.04", "subnet_id": subnet, "security_group_ids": ["web"]}
    instance = f"/instances/{sent(owner, 'POST', '/instances', wanted, 202, **asked)['id']}"
    eventually(lambda: sent(owner, "GET", instance, **asked)["status"] == "RUNNING")
    assert sent(owner, "GET", instance, **asked)["vpc_id"] == vpc
    named = {"instance_id": "web-1", "group_id": "database"}
    sent(owner, "POST", "/security-groups/attach", named, **asked)
    sent(owner, "POST", "/security-groups/detach", {**named, "group_id": "web"}, **asked)
    assert sent(owner, "GET", instance, **asked)["security_group_ids"] == [groups[1]]
    assert owner.call("DELETE", f"/security-groups/{groups[1]}", **asked).status == 409
    assert owner.call("DELETE", f"/subnets/{subnet}", **asked).status == 409

    sent(owner, "DELETE", instance, **asked)
    eventually(lambda: owner.call("GET", instance, **asked).status == 404)
    for each in groups:
        sent(owner, "DELETE", f"/security-groups/{each}", status=204, **asked)
        eventually(lambda each=each: owner.call("GET", f"/security-groups/{each}", **asked).status == 404)


def test_rows_of_a_deleted_tenant_and_user_are_gone(cloud, root, owner, tenant):
    tenant_id = tenant.rpartition("/")[2]
    asked = {"x_api_key": owner.key}
    user_id = sent(owner, "GET", "/auth/me", **asked)["id"]
    sent(owner, "POST", "/ssh-keys", {"name": "laptop", "public_key": SSH_KEY}, 201, **asked)
    sent(owner, "POST", "/rbac/roles", {"name": "auditor"}, 201, **asked)
    sent(owner, "POST", "/iam/policies", POLICY, 201, **asked)
    sent(owner, "POST", f"{tenant}/invitations", {"email": "guest@example.com", "role": "viewer"}, 201, **asked)
    before = tables_with(cloud, tenant_id)
    assert before >= {"tenant_ssh_keys", "tenant_roles", "tenant_policies", "invitations", "service_accounts"}

    sent(owner, "DELETE", tenant, status=204, **asked)
    eventually(lambda: not tables_with(cloud, tenant_id, before - KEPT_OF_A_TENANT))
    assert tables_with(cloud, tenant_id) <= KEPT_OF_A_TENANT
    assert owner.get(f"{CLUSTERS}/given").status == 404
    of_the_user = tables_with(cloud, OWNER)
    sent(owner, "DELETE", "/auth/me", status=204, **asked)
    eventually(lambda: not tables_with(cloud, OWNER, of_the_user - KEPT_OF_A_PERSON))
    assert tables_with(cloud, OWNER) <= KEPT_OF_A_PERSON
    assert owner.call("GET", "/auth/me", **asked).status == 401
    eventually(lambda: names_of_keys(cloud, user_id) == {"deleted"})

    other = sent(root, "POST", "/tenants", {"name": "Next", "slug": "engines"}, status=201)
    sent(root, "PUT", f"/tenants/{other['id']}/clusters", {"clusters": ["given"]})
    assert cloud.function_failures() == []


def rows_of(cloud: LocalCloud, table: str) -> list[Row]:
    client = local_client(cloud.emulator_url, "dynamodb")
    return list(client.scan(TableName=f"{cloud.table_prefix}{table}")["Items"])


def names_of_keys(cloud: LocalCloud, user_id: str) -> set[str]:
    return {row["name"]["S"] for row in rows_of(cloud, "api_keys") if row.get("user") == {"S": user_id}}


def tables_with(cloud: LocalCloud, text: str, names: Iterable[str] | None = None) -> set[str]:
    """The tables with a row that says a text, elsewhere than in its last writer: of these names, or of all."""
    client = local_client(cloud.emulator_url, "dynamodb")
    if names is None:
        pages = client.get_paginator("list_tables").paginate()
        names = [one.removeprefix(cloud.table_prefix) for page in pages for one in page["TableNames"]]
    return {name for name in names for row in rows_of(cloud, name) if text in repr({**row, "changed_by": None})}


def a_pool(api: Api) -> tuple[urllib3.PoolManager, dict[str, str]]:
    """For bytes as they come, with the headers of a key."""
    pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)
    return pool, {"x-api-key": api.key, "accept": "*/*", "content-type": "application/octet-stream"}

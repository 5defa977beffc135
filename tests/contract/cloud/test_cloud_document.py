"""The cloud's API against the published document and what the public SDK reads: operations, and fields of answers."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cloud.api import API
from chalicelib.web.openapi import document_of

PUBLISHED = "the-cloud-swagger.json"
LISTED = "the-cloud-operations.txt"

FAMILIES = frozenset(
    {
        *("api-keys", "tenants", "rbac", "iam", "service-accounts", "secrets", "ssh-keys", "health"),
        *("audit", "events-dashboard", "vpcs", "subnets", "internet-gateways", "route-tables", "volumes", "snapshots"),
        *("elastic-ips", "nat-gateways", "vpc-peerings"),
        "security-groups",
    }
)
"""The families of the list that are served whole."""

AUTH = frozenset(
    {
        *("POST /auth/register", "POST /auth/login", "POST /auth/forgot-password", "POST /auth/reset-password"),
        *("GET /auth/me", "POST /auth/verify", "DELETE /auth/me", "POST /oauth2/token"),
    }
)

USER = {"id", "tenant_id", "default_tenant_id", "email", "name", "role", "created_at", "updated_at"}
KEY = {"id", "user_id", "tenant_id", "default_tenant_id", "name", "created_at", "last_used", "expires_at"}
POLICY = {"id", "tenant_id", "name", "description", "statements"}
ROLE = {"id", "name", "description", "permissions"}
TENANT = {"id", "name", "slug", "owner_id", "plan", "status", "created_at", "updated_at"}
VPC = {"id", "user_id", "tenant_id", "name", "cidr_block", "network_id", "vxlan_id", "status", "arn", "created_at"}
SUBNET = {
    *("id", "user_id", "tenant_id", "vpc_id", "name", "cidr_block", "availability_zone", "gateway_ip"),
    *("status", "arn", "created_at"),
}
"""The fields that clients read, all of them required."""


@pytest.fixture(scope="module")
def ours() -> Any:
    return document_of(API)


@pytest.fixture(scope="module")
def folder() -> Path:
    given = os.environ.get("EDGE_CONTRACT_DIR")
    if not given or not (Path(given) / PUBLISHED).exists():
        pytest.skip(f"EDGE_CONTRACT_DIR names no folder with {PUBLISHED}")
    return Path(given)


def resolved(schema: Any, document: Any) -> Any:
    while "$ref" in schema or len(schema.get("allOf", ())) == 1:
        inner = schema["allOf"][0] if "allOf" in schema else schema
        schema = document["components"]["schemas"][inner["$ref"].rpartition("/")[2]]
    return schema


def data_of(document: Any, method: str, path: str, status: str) -> Any:
    """The schema of ``data`` in an answer, that of an item for a list."""
    answer = document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    data = resolved(answer["properties"]["data"], document)
    return resolved(data["items"], document) if data.get("type") == "array" else data


def same_names(path: str) -> str:
    parts = ["{}" if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


def operations(document: Any) -> set[str]:
    return {
        f"{method.upper()} {same_names(path)}"
        for path, methods in document["paths"].items()
        for method in methods
        if method in {"get", "post", "put", "patch", "delete"}
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "fields"),
    [
        ("get", "/auth/me", "200", USER),
        ("post", "/auth/register", "201", USER | {"user_id", "message"}),
        ("post", "/auth/login", "200", {"user", "api_key"}),
        ("post", "/auth/keys", "201", KEY | {"key"}),
        ("get", "/auth/keys", "200", KEY),
        ("post", "/auth/keys/{id}/rotate", "200", KEY | {"key"}),
        ("get", "/tenants", "200", TENANT),
        ("post", "/tenants", "201", TENANT),
        ("post", "/iam/policies", "201", POLICY),
        ("get", "/iam/users/{user_id}/policies", "200", POLICY),
        ("post", "/rbac/roles", "201", ROLE),
        ("get", "/rbac/bindings", "200", USER - {"default_tenant_id"}),
        ("post", "/vpcs", "201", VPC | {"status_reason"}),
        ("get", "/vpcs", "200", VPC | {"status_reason"}),
        ("post", "/vpcs/{vpc_id}/subnets", "201", SUBNET | {"status_reason"}),
        ("get", "/subnets/{id}", "200", SUBNET | {"status_reason"}),
    ],
)
def test_answer_has_the_fields_that_clients_read(ours, method, path, status, fields):
    assert set(data_of(ours, method, path, status)["properties"]) == fields


def test_every_listed_operation_of_the_served_families_is_there(ours, folder):
    lines = (folder / LISTED).read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if " | " in line and not line.startswith("#")]
    wanted = {operation for family, operation, _ in rows if family in FAMILIES} | AUTH
    known = operations(ours)
    assert {each for each in wanted if f"{each.split(' ')[0]} {same_names(each.split(' ')[1])}" not in known} == set()


@pytest.mark.parametrize(
    ("model", "method", "path", "status"),
    [
        ("domain.User", "get", "/auth/me", "200"),
        ("domain.APIKey", "post", "/auth/keys", "201"),
        ("domain.Tenant", "post", "/tenants", "201"),
        ("domain.Policy", "post", "/iam/policies", "201"),
        ("domain.Role", "post", "/rbac/roles", "201"),
        ("domain.AuditLog", "get", "/audit", "200"),
        ("domain.Event", "get", "/events", "200"),
        ("domain.Event", "get", "/api/dashboard/events", "200"),
        ("domain.ResourceSummary", "get", "/api/dashboard/summary", "200"),
        ("domain.DashboardStats", "get", "/api/dashboard/stats", "200"),
        ("domain.Instance", "post", "/instances", "202"),
        ("domain.Instance", "get", "/instances/{id}", "200"),
        ("domain.Volume", "post", "/volumes", "201"),
        ("domain.Volume", "get", "/volumes", "200"),
        ("domain.Snapshot", "post", "/snapshots", "201"),
        ("domain.SecurityGroup", "post", "/security-groups", "201"),
        ("domain.SecurityGroup", "get", "/security-groups", "200"),
        ("domain.SecurityRule", "post", "/security-groups/{group_id}/rules", "201"),
        ("domain.ElasticIP", "post", "/elastic-ips", "201"),
        ("domain.VPCPeering", "post", "/vpc-peerings", "201"),
        ("domain.VPCPeering", "post", "/vpc-peerings/{id}/accept", "200"),
        ("domain.NATGateway", "post", "/nat-gateways", "201"),
        ("domain.NATGateway", "get", "/nat-gateways", "200"),
        ("domain.ElasticIP", "get", "/elastic-ips", "200"),
        ("domain.InternetGateway", "post", "/internet-gateways", "201"),
        ("domain.InternetGateway", "get", "/internet-gateways", "200"),
        ("domain.RouteTable", "post", "/route-tables", "201"),
        ("domain.RouteTable", "get", "/route-tables", "200"),
        ("domain.Route", "post", "/route-tables/{id}/routes", "201"),
        ("domain.Snapshot", "get", "/snapshots/{id}", "200"),
        ("httphandlers.ResizeInstanceResponse", "post", "/instances/{id}/resize", "200"),
        ("httphandlers.LoginResponse", "post", "/auth/login", "200"),
    ],
)
def test_answer_has_every_field_of_the_published_model(ours, folder, model, method, path, status):
    published = json.loads((folder / PUBLISHED).read_text(encoding="utf-8"))["definitions"][model]["properties"]
    assert set(published) <= set(data_of(ours, method, path, status)["properties"])


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("httphandlers.RegisterRequest", "/auth/register"),
        ("httphandlers.LoginRequest", "/auth/login"),
        ("httphandlers.ForgotPasswordRequest", "/auth/forgot-password"),
        ("httphandlers.ResetPasswordRequest", "/auth/reset-password"),
        ("httphandlers.CreateKeyRequest", "/auth/keys"),
        ("httphandlers.CreateRoleRequest", "/rbac/roles"),
        ("httphandlers.BindRoleRequest", "/rbac/bindings"),
        ("httphandlers.ResizeInstanceRequest", "/instances/{id}/resize"),
        ("httphandlers.CreateVolumeRequest", "/volumes"),
        ("httphandlers.CreatePeeringRequest", "/vpc-peerings"),
        ("httphandlers.AssociateIPRequest", "/elastic-ips/{id}/associate"),
        ("httphandlers.IGWAttachRequest", "/internet-gateways/{id}/attach"),
        ("httphandlers.CreateRouteTableRequest", "/route-tables"),
        ("httphandlers.AddRouteRequest", "/route-tables/{id}/routes"),
        ("httphandlers.AssociateSubnetRequest", "/route-tables/{id}/associate"),
        ("httphandlers.CreateSnapshotRequest", "/snapshots"),
        ("httphandlers.CreateSecurityGroupRequest", "/security-groups"),
        ("httphandlers.AttachDetachSGRequest", "/security-groups/attach"),
        ("httphandlers.AttachDetachSGRequest", "/security-groups/detach"),
        ("httphandlers.RestoreSnapshotRequest", "/snapshots/{id}/restore"),
    ],
)
def test_body_requires_no_more_than_the_published_one(ours, folder, model, path):
    published = json.loads((folder / PUBLISHED).read_text(encoding="utf-8"))["definitions"][model]
    body = ours["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    sent = resolved(body, ours)
    assert set(sent["required"]) == set(published.get("required", []))
    assert set(published["properties"]) <= set(sent["properties"])

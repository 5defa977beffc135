"""The permissions of operations are those that their families declare."""

import pytest

from chalicelib import families
from chalicelib.platform.family import FAMILY as PLATFORM
from chalicelib.platform.permissions import SECRETS_USE
from chalicelib.web import permissions_page
from chalicelib.web.dispatch import ON_EVERY_HOST
from chalicelib.web.openapi import document_of
from chalicelib.web.operation_table import every_operation


@pytest.mark.parametrize("name", families.NAMES)
def test_operations_of_a_family_need_exactly_its_declared_permissions(name):
    used = {one.permission for api in families.apis_of(name) for one in api.endpoints() if one.permission is not None}
    used -= set(PLATFORM.permissions)
    shown_only = {one for one in families.family(name).permissions if one.name.endswith(":reveal")}
    assert used | shown_only == set(families.family(name).permissions)


def test_operations_need_every_permission_of_the_platform():
    used = {one.permission for api in families.every_api() for one in api.endpoints()}
    # Needed besides that of the operation, where a request names secrets.
    assert set(PLATFORM.permissions) - {SECRETS_USE} <= used


def test_names_of_permissions_are_unique_among_all_families():
    names = [permission.name for permission in families.deployed().permissions]
    assert len(names) == len(set(names))


def test_committed_page_of_permissions_is_the_generated_one():
    ((file, text),) = permissions_page.generated().items()
    assert file.read_text(encoding="utf-8") == text, "run: make openapi"


def test_page_names_every_permission_and_every_operation():
    ((_, text),) = permissions_page.generated().items()
    lines = text.splitlines()
    for permission in families.deployed(families.EVERY).permissions:
        assert any(line.startswith(f"| `{permission.name}` |") for line in lines)
    for row in every_operation():
        # A route of every host has a line for each family, all alike.
        line, *others = (line for line in lines if line.startswith(f"| `{row.method} {row.path}` |"))
        assert not others or row.path in ON_EVERY_HOST
        assert not row.permission or f"| `{row.permission.name}` | {row.role} | {row.scope} |" in line
        assert row.audit in line
        assert row.repeats in line


def test_operations_are_unique_by_api_and_id():
    names = [(row.api, row.id) for row in every_operation()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("api", families.every_api(), ids=lambda api: api.name)
def test_document_says_permission_and_scope_of_each_operation(api):
    paths = document_of(api)["paths"]
    for endpoint in api.endpoints():
        if endpoint.documented:
            said = paths[endpoint.shown_path][endpoint.method.lower()]
            permission = endpoint.permission and endpoint.permission.name
            assert (said.get("x-permission"), said.get("x-scope")) == (permission, endpoint.scope)
            assert permission is None or f"`{permission}`" in said["description"]

"""The permissions of operations are those that their families declare."""

import pytest

from chalicelib import families


@pytest.mark.parametrize("name", families.NAMES)
def test_operations_of_a_family_need_exactly_its_declared_permissions(name):
    used = {one.permission for api in families.apis_of(name) for one in api.endpoints() if one.permission is not None}
    shown_only = {one for one in families.family(name).permissions if one.name.endswith(":reveal")}
    assert used | shown_only == set(families.family(name).permissions)


def test_names_of_permissions_are_unique_among_all_families():
    names = [permission.name for permission in families.deployed().permissions]
    assert len(names) == len(set(names))

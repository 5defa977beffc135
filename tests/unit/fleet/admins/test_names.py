"""What a stack may be called, and what it is called unless told."""

import pytest
from pydantic import ValidationError

from chalicelib.settings import Settings


def settings(**values):
    return Settings(**values)


def test_admin_name_defaults_to_the_core_name():
    assert settings(core_name="berlin").own_admin_name == "admin-berlin"
    assert settings(core_name="berlin", admin_name="two").own_admin_name == "two"
    assert settings().admin_cluster_name == "admin-cluster-default"


@pytest.mark.parametrize(
    "values",
    [
        {"admin_name": "Upper"},
        {"admin_name": "a" * 64},
        {"admin_cluster_name": "default"},
        {"admin_cluster_name": "admin-cluster-"},
        {"admin_cluster_name": "admin-cluster-0123456789abcdefghi"},
        {"admin_max_wireguard_peers": 0},
        {"admin_max_wireguard_peers": 2**31},
    ],
)
def test_invalid_admin_settings_are_refused(values):
    with pytest.raises(ValidationError):
        settings(**values)


@pytest.mark.parametrize(
    "values",
    [{"admin_cluster_name": "admin-cluster-0123456789abcdefgh"}, {"admin_max_wireguard_peers": 2**31 - 1}],
)
def test_longest_and_greatest_admin_settings_are_accepted(values):
    assert settings(**values).model_fields_set == set(values)

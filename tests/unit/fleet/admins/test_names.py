"""What a stack may be called, and what it is called unless told."""

import pytest
from pydantic import ValidationError

from chalicelib.settings import Settings


def settings(**values):
    return Settings(**values)


def test_the_name_follows_from_the_installation_unless_given():
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
def test_what_cannot_be_is_refused(values):
    with pytest.raises(ValidationError):
        settings(**values)


@pytest.mark.parametrize(
    "values",
    [{"admin_cluster_name": "admin-cluster-0123456789abcdefgh"}, {"admin_max_wireguard_peers": 2**31 - 1}],
)
def test_the_longest_and_the_greatest_are_taken(values):
    assert settings(**values).model_fields_set == set(values)

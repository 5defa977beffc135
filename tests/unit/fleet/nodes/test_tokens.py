import pytest

from chalicelib.fleet.nodes.tokens import new_api_token, new_proxy_password, node_id_of
from chalicelib.kit.ids import to_unpadded_base64
from tests.support.fakes.clock import FakeIds
from tests.unit.fleet.nodes.world import node_id


def test_api_token_contains_its_node_id():
    token = new_api_token(node_id(7), FakeIds())

    assert len(token) == 64
    assert node_id_of(token) == node_id(7)


def test_api_tokens_of_one_node_differ():
    ids = FakeIds()

    assert new_api_token(node_id(7), ids) != new_api_token(node_id(7), ids)
    assert new_proxy_password(ids) != new_proxy_password(ids)


@pytest.mark.parametrize(
    "text",
    ["", "x", "master-key", "=" * 64, "é" * 64, "_" * 64, to_unpadded_base64(b"x" * 47), to_unpadded_base64(b"x" * 49)],
)
def test_malformed_api_token_has_no_node_id(text):
    assert node_id_of(text) is None

"""Stores a node's secrets: a digest for comparison, and the encrypted value for those who may see it again."""

from chalicelib.fleet.nodes.model import Node, NodeSecrets
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.nodes.tokens import new_api_token, new_proxy_password
from chalicelib.kit.crypto import Sealer, associated_data, digest, same
from chalicelib.kit.ids import Ids

_NO_TOKEN_DIGEST = digest("")
"""A digest to compare a token with if its node does not exist, so that both cases take the same time."""


def new_secrets(node_id: str, ids: Ids) -> NodeSecrets:
    """New secrets, for a registration."""
    return NodeSecrets(api_token=new_api_token(node_id, ids), proxy_password=new_proxy_password(ids))


def digest_of(secrets: NodeSecrets) -> str:
    """The digest of the API token, for the node's row."""
    return digest(secrets.api_token)


def is_token_of(node: Node | None, token: str) -> bool:
    """Whether this is the node's current token; in constant time, also when there is no such node."""
    known = _NO_TOKEN_DIGEST if node is None else node.token_digest
    return same(digest(token), known) and node is not None


def is_previous_token_of(node: Node, token: str) -> bool:
    """Whether this is the previous token. Does not check its expiry."""
    return node.previous_token_digest is not None and same(digest(token), node.previous_token_digest)


def is_recovery_key_of(node: Node, key: str) -> bool:
    """Whether this is the node's recovery key. Does not check its use."""
    return node.recovery_key_digest is not None and same(digest(key), node.recovery_key_digest)


class Vault:
    """Encrypts and decrypts secrets. A value can be decrypted only for its node and field."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, node_id: str, secrets: NodeSecrets) -> dict[str, bytes]:
        """The attributes that hold the secrets."""
        return {
            "api_token_sealed": self._sealer.seal(secrets.api_token, _associated_data(node_id, "api_token")),
            "proxy_password_sealed": self._sealer.seal(
                secrets.proxy_password, _associated_data(node_id, "proxy_password")
            ),
        }

    def open(self, node: Node) -> NodeSecrets:
        """The secrets in clear. Raises `UnsealError` for bytes that were sealed for another node."""
        return NodeSecrets(
            api_token=self._sealer.open(node.api_token_sealed, _associated_data(node.id, "api_token")).reveal(),
            proxy_password=self._sealer.open(
                node.proxy_password_sealed, _associated_data(node.id, "proxy_password")
            ).reveal(),
        )


def _associated_data(node_id: str, field: str) -> str:
    return associated_data(NODES, node_id, field)

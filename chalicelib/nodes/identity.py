"""Who an agent is."""

from chalicelib.kit.errors import unauthorized
from chalicelib.kit.tables import Tables
from chalicelib.nodes import presence_store
from chalicelib.nodes.model import Agent
from chalicelib.nodes.secrets import is_token_of
from chalicelib.nodes.tokens import node_id_of


def authenticate(tables: Tables, bearer: str | None) -> Agent:
    """The agent whose current token this is, by one consistent read of what the token itself names.

    Raises unauthorized for anything else: no token, one that was replaced, one of a node that is gone.
    """
    node_id = node_id_of(bearer or "")
    if bearer is None or node_id is None:
        raise unauthorized()
    node, presence = presence_store.read_both(tables, node_id)
    if not is_token_of(node, bearer) or node is None or presence is None:
        raise unauthorized()
    return Agent(node, presence)

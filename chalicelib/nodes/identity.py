"""Who an agent is."""

from chalicelib.kit.errors import unauthorized
from chalicelib.kit.tables import Tables
from chalicelib.nodes import exclusions, presence_store
from chalicelib.nodes.model import Agent
from chalicelib.nodes.secrets import is_token_of
from chalicelib.nodes.tokens import node_id_of


def authenticate(tables: Tables, bearer: str | None) -> Agent:
    """The agent whose current token this is, by one consistent read of what the token itself names.

    Raises forbidden where an operator has blocked the node, unauthorized for anything else: no token, one that was
    replaced, one of a node that is gone. A refusal takes a second read, which tells whether the node was deleted.
    """
    node_id = node_id_of(bearer or "")
    if bearer is None or node_id is None:
        raise unauthorized()
    node, presence = presence_store.read_both(tables, node_id)
    if not is_token_of(node, bearer) or node is None or presence is None:
        # Asked whether there is such a node or not: the time that a refusal takes does not tell.
        is_removed = exclusions.is_removed(tables, node_id)
        raise exclusions.removed_token() if is_removed and node is None else unauthorized()
    if node.blocked_at is not None:
        raise exclusions.blocked_machine()
    return Agent(node, presence)

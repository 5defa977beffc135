"""Which names are allowed, and what is said about others."""

from chalicelib.fleet.vpn.names import is_node_id
from chalicelib.kit.errors import BLANK, EdgeError, at_most_characters, conflict, invalid
from chalicelib.kit.labels import LABEL_MAX_LENGTH, is_label


def check_name(name: str) -> None:
    """Raises `EdgeError` (validation failed) for a name that is not a DNS label, or that could be the id of another
    node: resolving or proxying by name would reach the wrong machine."""
    if not name:
        raise invalid("name", BLANK)
    if len(name) > LABEL_MAX_LENGTH:
        raise invalid("name", at_most_characters(LABEL_MAX_LENGTH))
    if not is_label(name):
        raise invalid("name", "has invalid format")
    if is_node_id(name):
        raise invalid("name", "must not look like a node id")


def too_many(limit: int) -> EdgeError:
    return conflict(f"node has reached its limit of {limit} aliases")

"""The terms by which people name nodes: labels that hold, and names. Pure."""

import base64
import hashlib
import json

from chalicelib.fleet.nodes.model import Node

NAME_CHARACTERS = 100
"""Characters of a name that its term has: with four bytes each and a node's id far less than a sort key may have."""


def names_of(node: Node) -> frozenset[str]:
    """The beginnings of what a search finds it by, in lower case: its id, host name and aliases."""
    names = [node.id, *(alias.name for alias in node.aliases)]
    if node.hostname:
        names.append(node.hostname)
    return frozenset(map(folded, names))


def folded(name: str) -> str:
    """The beginning of a name as terms have it, regardless of its letter case."""
    return name.casefold()[:NAME_CHARACTERS]


def pairs_of(node: Node) -> frozenset[str]:
    """The labels that hold: ``env:prod``."""
    return frozenset(f"{name}:{value}" for name, value in node.labels.items())


def fingerprint(node: Node) -> str:
    """Stands for all that its terms say. A row that has another one was written by a release without terms. It is
    short: many rows of nodes are just below the 1,024 bytes that a write unit takes."""
    said = [node.cluster_id, node.cluster_name, node.inserted_at, sorted(names_of(node)), sorted(pairs_of(node))]
    return base64.urlsafe_b64encode(hashlib.sha256(json.dumps(said).encode()).digest()[:6]).decode()


def marked(node: Node) -> Node:
    """The node as its row says that it has its terms."""
    return node.model_copy(update={"termed": fingerprint(node)})


def is_marked(node: Node) -> bool:
    """Whether its row says so of the terms that it has now."""
    return node.termed == fingerprint(node)

import uuid
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from edge_agent.durable import StateDirectory
from edge_agent.errors import FatalError

NODE_FILE = "node.json"
IDENTITY_FILE = "identity.json"


@dataclass(frozen=True)
class Node:
    """Who this machine is: chosen once, before it first speaks to a server, so that every repeat uses the same id."""

    node_id: str
    id_type: str  # "persistent" or "random", the contract's words


@dataclass(frozen=True)
class Identity:
    """What a registration returned, with the network that it was made for.

    `enrolled_at` is when the node was enrolled with a key, in the server's time; renewals keep it.
    `metrics_push_seconds` None: the server wants metrics only when it asks for them.
    """

    node_id: str
    network_name: str
    api_token: str = field(repr=False)
    proxy_password: str = field(repr=False)
    admin_urls: tuple[str, ...]
    websocket_url: str | None
    poll_seconds: float
    derp_map_url: str | None
    enrolled_at: str
    metrics_push_seconds: float | None = None


def choose_node(state: StateDirectory, *, wanted: str | None, random_id: bool, machine_id_file: Path) -> Node:
    """The stored node, else a new one: the id asked for, a random one, or the machine's own.

    Raises FatalError when another id than the stored one is asked for, or the machine has no usable id.
    """
    stored = state.read(NODE_FILE)
    if stored is not None:
        node = Node(stored["node_id"], stored["id_type"])
        if wanted is not None and _as_uuid(wanted, "--node-id") != node.node_id:
            raise FatalError(f"this state directory belongs to node {node.node_id}; use another for another node id")
        return node
    if wanted is not None:
        node = Node(_as_uuid(wanted, "--node-id"), "persistent")
    elif random_id:
        node = Node(str(uuid.uuid4()), "random")
    else:
        node = Node(_machine_id(machine_id_file), "persistent")
    state.write(NODE_FILE, asdict(node))
    return node


def load_identity(state: StateDirectory) -> Identity | None:
    """The stored identity, also one that an older version wrote, or a newer one before it was taken back."""
    content = state.read(IDENTITY_FILE)
    if content is None:
        return None
    known = {each.name for each in fields(Identity)}
    kept = {name: value for name, value in content.items() if name in known}
    return Identity(**{"enrolled_at": "", **kept, "admin_urls": tuple(content["admin_urls"])})


def save_identity(state: StateDirectory, identity: Identity) -> None:
    content: dict[str, Any] = asdict(identity)
    state.write(IDENTITY_FILE, content)


def _machine_id(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise FatalError(f"no machine id in {path}: give --node-id or --random-id") from error
    return _as_uuid(text, str(path))


def _as_uuid(text: str, source: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise FatalError(f"{source} holds no UUID") from error

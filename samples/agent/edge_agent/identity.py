import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge_agent.clock import parse_time
from edge_agent.durable import StateDirectory
from edge_agent.errors import FatalError
from edge_agent.secure_urls import keeps_secrets

NODE_FILE = "node.json"
IDENTITY_FILE = "identity.json"
DEFAULT_POLL_SECONDS = 60.0
# The bounds of what a server may ask for.
POLL_SECONDS = (0.1, 3600.0)
METRICS_SECONDS = (1.0, 7 * 86400.0)


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


def registered(
    data: Mapping[str, Any],
    *,
    node_id: str,
    network_name: str,
    asked: tuple[str, ...],
    enrolled_at: str,
    insecure_http: bool,
) -> Identity:
    """The identity that a registration answered with. What is missing or odd is replaced by what works without it.

    Raises ValueError where there is no token.
    """
    token, password, network = data.get("api_token"), data.get("proxy_password"), data.get("network_name")
    if not isinstance(token, str) or not token or not token.isascii():
        raise ValueError("no api_token")
    urls = data.get("admin_urls")
    named = [url for url in urls if isinstance(url, str)] if isinstance(urls, list) else []
    socket_url = data.get("websocket_url")
    derp_map_url = data.get("derp_map_url")
    return Identity(
        node_id=node_id,
        network_name=network if isinstance(network, str) and network else network_name,
        api_token=token,
        proxy_password=password if isinstance(password, str) else "",
        admin_urls=tuple(url for url in named if insecure_http or keeps_secrets(url)) or asked,
        websocket_url=_socket_url(socket_url, insecure_http=insecure_http),
        poll_seconds=_seconds(data.get("poll_seconds"), POLL_SECONDS) or DEFAULT_POLL_SECONDS,
        derp_map_url=derp_map_url if isinstance(derp_map_url, str) else None,
        enrolled_at=enrolled_at,
        metrics_push_seconds=_seconds(data.get("metrics_push_seconds"), METRICS_SECONDS),
    )


def choose_node(state: StateDirectory, *, wanted: str | None, random_id: bool, machine_id_file: Path) -> Node:
    """The stored node, else a new one: the id asked for, a random one, or the machine's own.

    Raises FatalError when another id than the stored one is asked for, or the machine has no usable id; OSError.
    """
    node = _stored_node(state, random_id=random_id)
    if node is not None:
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
    """The stored identity, also one that an older version wrote, or a newer one before it was taken back.

    None if there is none, or none that is whole. Raises OSError.
    """
    content = state.read(IDENTITY_FILE)
    if content is None:
        return None
    try:
        # Its addresses were accepted when it was stored.
        identity = registered(
            content,
            node_id=_text(content["node_id"]),
            network_name=_text(content["network_name"]),
            asked=(),
            enrolled_at=_time_or_nothing(content.get("enrolled_at")),
            insecure_http=True,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        state.set_aside(IDENTITY_FILE)
        return None
    if not identity.admin_urls:
        state.set_aside(IDENTITY_FILE)
        return None
    return identity


def save_identity(state: StateDirectory, identity: Identity) -> None:
    content: dict[str, Any] = asdict(identity)
    state.write(IDENTITY_FILE, content)


def _stored_node(state: StateDirectory, *, random_id: bool) -> Node | None:
    """As it was chosen, or as the identity tells where that file is damaged."""
    stored = state.read(NODE_FILE)
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        if stored is not None:
            return Node(_text(stored["node_id"]), _text(stored["id_type"]))
    identity = load_identity(state)
    return None if identity is None else Node(identity.node_id, "random" if random_id else "persistent")


def _socket_url(value: object, *, insecure_http: bool) -> str | None:
    if not isinstance(value, str) or not value.startswith(("ws://", "wss://")):
        return None
    return value if insecure_http or keeps_secrets(value) else None


def _seconds(value: object, bounds: tuple[float, float]) -> float | None:
    """None for what is no positive number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return None
    return float(min(max(value, bounds[0]), bounds[1]))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no text")
    return value


def _time_or_nothing(value: object) -> str:
    with suppress(ValueError):
        if isinstance(value, str):
            parse_time(value)
            return value
    return ""


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

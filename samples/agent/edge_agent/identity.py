import random
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath
from typing import Any

from edge_agent.errors import FatalError
from edge_agent.ports.disk import Disk
from edge_agent.secure_urls import keeps_secrets
from edge_agent.state_directory import StateDirectory
from edge_agent.times import parse_time

NODE_FILE = "node.json"
IDENTITY_FILE = "identity.json"
WANTED = "--node-id or EDGE_NODE_ID"
DEFAULT_POLL_SECONDS = 60.0
# Each start replaces the token: a server whose tables were restored knows one of an earlier start.
PREVIOUS_TOKENS_KEPT = 20
# The bounds of the intervals that a server may set.
POLL_SECONDS = (0.1, 3600.0)
METRICS_SECONDS = (1.0, 7 * 86400.0)


@dataclass(frozen=True)
class Node:
    """The node id of this machine, chosen once before the first request, so that every retry uses the same id."""

    node_id: str
    id_type: str  # "persistent" or "random"


@dataclass(frozen=True)
class Identity:
    """The result of a registration, with the network that it was made for.

    `enrolled_at` is the time of enrolment with a key, in the server's time; renewals keep it. `metrics_push_seconds`
    None means that the agent sends metrics only on request.
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
    previous_tokens: tuple[str, ...] = field(default=(), repr=False)
    """Those that registrations have replaced, the newest first."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """All that are kept, the newest first."""
        return (self.api_token, *self.previous_tokens)


def registered(
    data: Mapping[str, Any],
    *,
    node_id: str,
    network_name: str,
    asked: tuple[str, ...],
    enrolled_at: str,
    insecure_http: bool,
    answered: str = "",
) -> Identity:
    """Parse the answer to a registration. Missing or invalid fields get defaults.

    `asked` are the addresses of the servers that were asked, the default of `admin_urls`. `answered`, the one that has
    answered, stays the last of `admin_urls` if the answer does not name it: no other has proved to work. Raises
    ValueError if there is no token.
    """
    token, password, network = data.get("api_token"), data.get("proxy_password"), data.get("network_name")
    if not isinstance(token, str) or not token or not token.isascii():
        raise ValueError("no api_token")
    urls = data.get("admin_urls")
    named = [url for url in urls if isinstance(url, str)] if isinstance(urls, list) else []
    kept = [url for url in named if insecure_http or keeps_secrets(url)]
    if kept and answered and answered.rstrip("/") not in {url.rstrip("/") for url in kept}:
        kept.append(answered)
    socket_url = data.get("websocket_url")
    derp_map_url = data.get("derp_map_url")
    return Identity(
        node_id=node_id,
        network_name=network if isinstance(network, str) and network else network_name,
        api_token=token,
        proxy_password=password if isinstance(password, str) else "",
        admin_urls=tuple(kept) or asked,
        websocket_url=_socket_url(socket_url, insecure_http=insecure_http),
        poll_seconds=_seconds(data.get("poll_seconds"), POLL_SECONDS) or DEFAULT_POLL_SECONDS,
        derp_map_url=derp_map_url if isinstance(derp_map_url, str) else None,
        enrolled_at=enrolled_at,
        metrics_push_seconds=_seconds(data.get("metrics_push_seconds"), METRICS_SECONDS),
    )


def choose_node(
    state: StateDirectory, *, wanted: str | None, random_id: bool, machine_id_file: PurePath, rng: random.Random
) -> Node:
    """Return the stored node, else create one with the wanted id, a random one, or the machine's id.

    Raises `FatalError` if the wanted id differs from the stored one, or the machine has no usable id; OSError.
    """
    node = _stored_node(state, random_id=random_id)
    if node is not None:
        if wanted is not None and _as_uuid(wanted, WANTED) != node.node_id:
            raise FatalError(f"this state directory belongs to node {node.node_id}; use another for another node id")
        return node
    if wanted is not None:
        node = Node(_as_uuid(wanted, WANTED), "persistent")
    elif random_id:
        node = Node(str(random_uuid(rng)), "random")
    else:
        node = Node(_machine_id(state.disk, machine_id_file), "persistent")
    state.write(NODE_FILE, asdict(node))
    return node


def load_identity(state: StateDirectory) -> Identity | None:
    """Load the stored identity, whichever version of the agent wrote it; None if it is missing or incomplete.

    Raises OSError.
    """
    content = state.read(IDENTITY_FILE)
    if content is None:
        return None
    try:
        # The addresses were checked when it was stored.
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
    previous = content.get("previous_tokens")
    texts = [each for each in previous if isinstance(each, str)] if isinstance(previous, list) else []
    return replace(identity, previous_tokens=tuple(each for each in texts if each and each.isascii()))


def save_identity(state: StateDirectory, identity: Identity) -> None:
    content: dict[str, Any] = asdict(identity)
    state.write(IDENTITY_FILE, content)


def _stored_node(state: StateDirectory, *, random_id: bool) -> Node | None:
    """The stored node; if its file is damaged, the node of the stored identity."""
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
    """Clamp a positive number to the bounds; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return None
    return float(min(max(value, bounds[0]), bounds[1]))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a non-empty string")
    return value


def _time_or_nothing(value: object) -> str:
    with suppress(ValueError):
        if isinstance(value, str):
            parse_time(value)
            return value
    return ""


def random_uuid(rng: random.Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128), version=4)


def _machine_id(disk: Disk, path: PurePath) -> str:
    try:
        text = disk.read(path).decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise FatalError(f"no machine id in {path}: give --node-id or --random-id") from error
    return _as_uuid(text, str(path))


def _as_uuid(text: str, source: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise FatalError(f"{source} holds no UUID") from error

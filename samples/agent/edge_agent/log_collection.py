import json
from contextlib import suppress
from typing import Any

from edge_agent.identity import IDENTITY_FILE
from edge_agent.log_file import LOG_FILE, OLDER_LOG_FILE
from edge_agent.redaction import redacted
from edge_agent.state_directory import StateDirectory

# The agent's own log comes last: if the text is too long, its beginning is left out.
SECTIONS = ("self_update.log", "journal.jsonl", OLDER_LOG_FILE, LOG_FILE)
# Not secret, and in every line of a log that is of use.
PUBLIC_FIELDS = frozenset({"node_id", "network_name", "admin_urls", "websocket_url", "derp_map_url", "enrolled_at"})


def collect_logs(state: StateDirectory, max_bytes: int) -> bytes:
    """The agent's log files as one UTF-8 text of at most `max_bytes`, without secrets and command texts.

    Each file starts with a line `==> NAME <==`. A longer text loses its beginning. Works beside a running agent, and
    leaves out files that do not exist or cannot be read.
    """
    known = _known_secrets(state)
    parts = []
    for name in SECTIONS:
        with suppress(OSError):
            content = state.disk.read(state.path / name).decode(errors="replace")
            if name == "journal.jsonl":
                content = "".join(f"{_without_text(line)}\n" for line in content.splitlines())
            parts.append(f"==> {name} <==\n{redacted(content, known)}")
    return _end_of("\n".join(parts).encode(), max_bytes)


def _end_of(content: bytes, max_bytes: int) -> bytes:
    if len(content) <= max_bytes:
        return content
    note = f"[{len(content)} bytes in all: the beginning is left out]\n".encode()
    kept = content[len(content) - max(0, max_bytes - len(note)) :]
    whole_lines = kept.partition(b"\n")[2]
    return (note + whole_lines)[:max_bytes]


def _known_secrets(state: StateDirectory) -> frozenset[str]:
    """The secrets of this node: every text of its identity that is not public."""
    try:
        identity: dict[str, Any] = json.loads(state.disk.read(state.path / IDENTITY_FILE))
    except (OSError, ValueError):
        return frozenset()
    if not isinstance(identity, dict):
        return frozenset()
    return frozenset(
        value for name, value in identity.items() if name not in PUBLIC_FIELDS and isinstance(value, str) and value
    )


def _without_text(line: str) -> str:
    """A line of the journal without the command's text, which may hold secrets; "" for an unreadable one."""
    try:
        record = json.loads(line)
        if "work" in record:
            record["work"]["command_text"] = None
        return json.dumps(record)
    except (ValueError, TypeError, RecursionError):
        return ""

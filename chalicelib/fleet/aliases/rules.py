"""Which names are allowed, and what is said about others."""

import re

from chalicelib.kit.errors import EdgeError, conflict, invalid

NAME_MAX_LENGTH = 63
"""A DNS label (RFC 1035 section 2.3.4)."""

NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_NODE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_name(name: str) -> None:
    """Raises `EdgeError` (validation failed) for a name that is not a DNS label, or that could be the id of another
    node: resolving or proxying by name would reach the wrong machine."""
    if not name:
        raise invalid("name", "can't be blank")
    if len(name) > NAME_MAX_LENGTH:
        raise invalid("name", f"should be at most {NAME_MAX_LENGTH} character(s)")
    if not _LABEL.fullmatch(name):
        raise invalid("name", "has invalid format")
    if _NODE_ID.fullmatch(name):
        raise invalid("name", "must not look like a node id")


def taken() -> EdgeError:
    return conflict("name has already been taken")


def too_many(limit: int) -> EdgeError:
    return conflict(f"node has reached its limit of {limit} aliases")

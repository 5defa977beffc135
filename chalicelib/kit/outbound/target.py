"""Parses a URL once. Check and request use the same result, so no second parser can disagree."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
_ALLOWED = re.compile(r"[!-~]+")  # visible ASCII: urlsplit would drop tabs and newlines without a word
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")

NOT_ABSOLUTE = "URL is not a valid absolute http(s) URL"
HAS_USERINFO = "URL must not include userinfo (user:pass@host)"
HAS_FRAGMENT = "URL must not include a fragment"


class UrlRefusedError(Exception):
    """The URL is refused. The text says why, and may be shown to the user who gave it."""


@dataclass(frozen=True)
class Target:
    """``host`` is a lower-case name without a dot at its end, or an address without brackets; ``path`` has the
    query."""

    is_tls: bool
    host: str
    port: int
    path: str

    @property
    def is_address(self) -> bool:
        return _is_address(self.host)


def parse_target(url: str) -> Target:
    """Parse an http(s) URL. Raises `UrlRefusedError` if it is not absolute, or has userinfo or a fragment."""
    if not _ALLOWED.fullmatch(url) or "\\" in url:
        raise UrlRefusedError(NOT_ABSOLUTE)
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removesuffix(".")
        usual_port = _PORTS[parts.scheme]
        port = usual_port if parts.port is None else parts.port
    except (ValueError, KeyError) as error:
        raise UrlRefusedError(NOT_ABSOLUTE) from error
    if not _is_host(host) or port == 0 or not _has_plain_authority(parts):
        raise UrlRefusedError(NOT_ABSOLUTE)
    if "@" in parts.netloc:
        raise UrlRefusedError(HAS_USERINFO)
    if "#" in url:
        raise UrlRefusedError(HAS_FRAGMENT)
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme == "https", host, port, f"{parts.path or '/'}{query}")


def _is_host(host: str) -> bool:
    return _is_address(host) or _NAME.fullmatch(host) is not None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _has_plain_authority(parts: SplitResult) -> bool:
    """Whether the authority is only host and port: not ``[::1]x:80`` or ``host:``."""
    authority = parts.netloc.rsplit("@", 1)[-1]
    return re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:]+)(:[0-9]+)?", authority) is not None

import ipaddress
from contextlib import suppress
from urllib.parse import urlsplit


def keeps_secrets(url: str) -> bool:
    """Whether a key or token may be sent to a URL: it uses TLS, or the server is on this machine."""
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts.scheme in ("https", "wss") or _is_this_machine(parts.hostname or "")
    return False


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False

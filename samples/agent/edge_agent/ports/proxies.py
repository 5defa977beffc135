import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxies_of_environment() -> Mapping[str, str]:
    """The proxies that the environment names: scheme -> URL, with NO_PROXY under `no`."""
    return urllib.request.getproxies_environment()


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """The proxy for a URL; None for a direct connection.

    A WebSocket uses the proxy of the HTTP scheme that it is built on. NO_PROXY knows host names, domain suffixes, ports
    and `*`; no address ranges.
    """
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if urllib.request.proxy_bypass_environment(parts.netloc, dict(proxies)):  # type: ignore[attr-defined]
        return None
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"

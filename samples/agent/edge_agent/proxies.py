import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """The proxy that a URL is reached through, None for a direct connection.

    `proxies` is what `urllib.request.getproxies_environment()` read: scheme -> URL, with NO_PROXY under `no`. A
    WebSocket takes the proxy of the HTTP scheme that it rides on. NO_PROXY knows host names, domain suffixes, ports and
    `*`; no address ranges.
    """
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if urllib.request.proxy_bypass_environment(parts.netloc, dict(proxies)):  # type: ignore[attr-defined]
        return None
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"

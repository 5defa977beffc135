"""Headers of answers: security, CORS for the origins that the settings name, and the rest of a limit."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.platform.limits.model import Standing

SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-permitted-cross-domain-policies": "none",
}
"""For an API that serves JSON only: nothing is framed, sniffed, cached or run. OWASP REST security cheat sheet."""

_PREFLIGHT_SECONDS = 600

LIMIT_HEADERS = ("ratelimit", "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
"""The names of the headers that `limit_headers` gives."""


def limit_headers(standing: Standing, _now: datetime) -> dict[str, str]:
    """The rest of a limit in the headers of draft-ietf-httpapi-ratelimit-headers-10, and in the usual
    ``X-RateLimit-*``. All times are in seconds from now."""
    values = (
        f'"{standing.policy}";r={standing.remaining};t={standing.reset_seconds}',
        f'"{standing.policy}";q={standing.quota};w={standing.window_seconds}',
        str(standing.quota),
        str(standing.remaining),
        str(standing.reset_seconds),
    )
    return dict(zip(LIMIT_HEADERS, values, strict=True))


@dataclass(frozen=True)
class Cors:
    """Which browsers' origins may read answers; none by default. ``*`` allows any. Credentials (cookies) are never
    allowed: keys travel in a header that a page sets itself. ``exposed`` are the headers that a page may read."""

    allowed_origins: tuple[str, ...] = ()
    allowed_headers: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()

    @property
    def configured(self) -> bool:
        return bool(self.allowed_origins)

    def headers_for(self, origin: str | None) -> dict[str, str]:
        """Headers for an answer to a page of `origin`; without the permission if it is not allowed."""
        if not self.configured:
            return {}
        if "*" in self.allowed_origins:
            return {"access-control-allow-origin": "*", "access-control-expose-headers": ", ".join(self.exposed)}
        if origin is None or origin not in self.allowed_origins:
            return {"vary": "origin"}
        return {
            "access-control-allow-origin": origin,
            "access-control-expose-headers": ", ".join(self.exposed),
            "vary": "origin",
        }

    def preflight_headers(self) -> dict[str, str]:
        """The headers of a preflight answer: methods, headers, and how long a browser may cache them."""
        return {
            "access-control-allow-methods": ", ".join((*self.methods, "OPTIONS")),
            "access-control-allow-headers": ", ".join(self.allowed_headers),
            "access-control-max-age": str(_PREFLIGHT_SECONDS),
        }

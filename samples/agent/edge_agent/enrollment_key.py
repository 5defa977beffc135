import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath

from edge_agent.errors import FatalError
from edge_agent.ports.disk import Disk
from edge_agent.secure_urls import keeps_secrets


@dataclass(frozen=True)
class EnrollmentKey:
    """`recovers` is the id of the node that a recovery key is of; None for a key that admits new machines."""

    blob: str = field(repr=False)
    admin_urls: tuple[str, ...]
    recovers: str | None = None

    @classmethod
    def parse(cls, text: str, *, insecure_http: bool = False) -> "EnrollmentKey":
        """Parse a key: base64 of JSON with `admin_urls`, `nonce` and perhaps `recovers`. Raises `FatalError`, which
        never quotes the key.

        Addresses without TLS are left out, unless `insecure_http` allows them.
        """
        blob = "".join(text.split())
        try:
            content = json.loads(base64.b64decode(blob, validate=True))
            urls = tuple(url for url in content["admin_urls"] if url.startswith(("http://", "https://")))
            recovers = content.get("recovers")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise FatalError("the enrollment key is not readable: was it copied whole?") from error
        if not urls:
            raise FatalError("the enrollment key names no server")
        secure = tuple(url for url in urls if insecure_http or keeps_secrets(url))
        if not secure:
            raise FatalError(
                "the enrollment key names only http:// servers, to which key and token would travel in clear: "
                "use https, or allow it with --insecure-http"
            )
        return cls(blob, secure, recovers if isinstance(recovers, str) else None)


@dataclass(frozen=True)
class KeySource:
    """The source of the enrollment key. A file is read each time the key is needed: it may be created later,
    replaced, or removed once the machine is enrolled."""

    read: Callable[[], str | None] = field(repr=False)
    insecure_http: bool = False

    def key(self) -> EnrollmentKey | None:
        """The key; None if there is none. Raises `FatalError` if it cannot be read or used."""
        text = self.read()
        return EnrollmentKey.parse(text, insecure_http=self.insecure_http) if text and text.strip() else None


def key_in_file(disk: Disk, path: PurePath) -> str | None:
    """The content of a key file; None if it does not exist. Raises `FatalError` if it cannot be read."""
    try:
        return disk.read(path).decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FatalError(f"the enrollment key file {path} cannot be read: {type(error).__name__}") from error

# ruff: noqa: INP001 - one script, no package
"""A webhook receiver: verifies both signatures of every delivery and prints the event, one JSON line each.

Python's standard library and `standardwebhooks`. Meant to be read: what any receiver has to do is in `Verifier`.
"""

import argparse
import hashlib
import hmac
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

MOST_BODY_BYTES = 1024 * 1024
"""More than any event has; a stranger cannot make this process remember more."""

REMEMBERED_IDS = 10_000
"""Ids of deliveries that were taken. One that comes again is acknowledged and not printed again."""


class Verifier:
    """Knows one secret, or during a rotation two, the new one first.

    Both signatures must fit: `x-edge-signature` is an HMAC of the body alone, the headers of Standard Webhooks also
    cover id and time, so that a delivery cannot be replayed after five minutes.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = list(secrets)

    def event_of(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
        """The event, or None for a request that is not from whom it seems to be."""
        if any(self._is_signed_with(secret, headers, body) for secret in self._secrets) and any(
            self._has_plain_signature(secret, headers, body) for secret in self._secrets
        ):
            event: dict[str, Any] = json.loads(body)
            return event
        return None

    @staticmethod
    def _is_signed_with(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
        # A secret in the standard's own form is given to its library as it is, any other as bytes.
        try:
            key = secret if secret.startswith("whsec_") else secret.encode()
            Webhook(key).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return False
        return True

    @staticmethod
    def _has_plain_signature(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
        expected = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
        given = headers.get("x-edge-signature", "")
        return hmac.compare_digest(expected.encode(), given.encode())


class Seen:
    """The last ids. Events arrive at least once: the id tells which one has been here."""

    def __init__(self, most: int = REMEMBERED_IDS) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._most = most
        self._lock = Lock()

    def is_new(self, event_id: str) -> bool:
        """True once for each id that is remembered."""
        with self._lock:
            if event_id in self._ids:
                return False
            self._ids[event_id] = None
            if len(self._ids) > self._most:
                self._ids.popitem(last=False)
            return True


class Receiver(ThreadingHTTPServer):
    """Answers 204 to what is signed, 401 to all else. ``status`` replaces 204: to watch how failures are treated."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], verifier: Verifier, status: int = HTTPStatus.NO_CONTENT) -> None:
        super().__init__(address, Handler)
        self.verifier = verifier
        self.seen = Seen()
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Receiver
    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MOST_BODY_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        event = self.server.verifier.event_of({name.lower(): value for name, value in self.headers.items()}, body)
        if event is None:
            self._answer(HTTPStatus.UNAUTHORIZED)
            return
        if self.server.status == HTTPStatus.NO_CONTENT and self.server.seen.is_new(str(event.get("id"))):
            sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        self._answer(self.server.status)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives
        sys.stderr.write(f"{self.log_date_time_string()} {format % args}\n")


def secrets_of(file: str | None) -> list[str]:
    """One secret a line, from a file or from WEBHOOK_SECRET: arguments of a process are seen by everybody."""
    if file is None:
        text = os.environ.get("WEBHOOK_SECRET", "")
    else:
        with open(file, encoding="utf-8") as lines:  # noqa: PTH123 - a script without further imports
            text = lines.read()
    return [line.strip() for line in text.splitlines() if line.strip()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Verify webhook deliveries and print their events.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one and says which")
    parser.add_argument("--secret-file", help="one secret a line; else the variable WEBHOOK_SECRET")
    parser.add_argument("--status", type=int, default=HTTPStatus.NO_CONTENT, help="what to answer to signed requests")
    given = parser.parse_args(arguments)
    secrets = secrets_of(given.secret_file)
    if not secrets:
        sys.stderr.write("no secret: give --secret-file or WEBHOOK_SECRET\n")
        return 2
    with Receiver((given.host, given.port), Verifier(secrets), given.status) as receiver:
        host, port = receiver.server_address[:2]
        sys.stderr.write(f"listening on http://{host!s}:{port}\n")
        sys.stderr.flush()
        try:
            receiver.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

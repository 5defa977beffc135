"""The sample receiver as its own process, fed with what the application sends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.kit.crypto import Secret
from chalicelib.kit.outbound import HttpExchange, Outbound, SystemResolver
from chalicelib.platform.webhooks.model import SigningKeys
from chalicelib.platform.webhooks.sending import headers_of

SCRIPT = Path(__file__).parents[4] / "samples" / "webhook_receiver" / "receiver.py"
SECRET = "a-cryptographically-random-32-byte-secret"
NEW_SECRET = "whsec_" + "bmV3IHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVzISE="
OTHER_SECRET = "a-secret-that-nobody-told-the-receiver-of"


@dataclass
class Running:
    url: str
    process: "subprocess.Popen[str]"

    def send(self, *secrets: str, event_id: str = "e-1", at: datetime | None = None, body: bytes | None = None) -> int:
        keys = SigningKeys(secrets=tuple(map(Secret, secrets)), headers={"x-more": "1"})
        signed = json.dumps({"id": event_id, "type": "edge.node.registered"}).encode()
        headers = headers_of(event_id, signed, keys, at or datetime.now(UTC))
        outbound = Outbound(SystemResolver(), HttpExchange(), allow_private=True)
        return outbound.send("POST", self.url, headers, signed if body is None else body).status

    def printed(self) -> list[str]:
        """The ids of the events that it printed, once it is stopped."""
        self.process.terminate()
        out, _ = self.process.communicate(timeout=20)
        return [json.loads(line)["id"] for line in out.splitlines()]


@contextmanager
def running(*arguments: str, secret: str = SECRET) -> Iterator[Running]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "WEBHOOK_SECRET": secret},
    )
    try:
        yield Running(process.stderr.readline().split()[-1], process)
    finally:
        process.kill()
        process.communicate()


def test_receiver_accepts_a_signed_event_and_prints_it_once():
    with running() as receiver:
        assert [receiver.send(SECRET), receiver.send(SECRET), receiver.send(SECRET, event_id="e-2")] == [204] * 3
        assert receiver.printed() == ["e-1", "e-2"]


def test_receiver_refuses_wrong_signature_body_or_old_time():
    with running() as receiver:
        assert receiver.send(OTHER_SECRET) == 401
        assert receiver.send(SECRET, body=b'{"id":"forged"}') == 401
        assert receiver.send(SECRET, at=datetime.now(UTC) - timedelta(minutes=6)) == 401
        assert receiver.printed() == []


def test_receiver_accepts_both_secrets_during_rotation(tmp_path):
    file = tmp_path / "secrets"
    file.write_text(f"{NEW_SECRET}\n{SECRET}\n", encoding="utf-8")
    with running("--secret-file", str(file)) as receiver:
        assert receiver.send(SECRET, event_id="before") == 204
        assert receiver.send(NEW_SECRET, SECRET, event_id="during") == 204
        assert receiver.send(NEW_SECRET, event_id="after") == 204
        assert receiver.send(OTHER_SECRET, event_id="never") == 401
        assert receiver.printed() == ["before", "during", "after"]


def test_receiver_with_a_status_option_fails_with_that_status():
    with running("--status", "503") as receiver:
        assert receiver.send(SECRET) == 503
        assert receiver.printed() == []


@pytest.mark.parametrize("secret", ["", "  \n"])
def test_receiver_without_a_secret_does_not_start(secret):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--port", "0"],
        env={**os.environ, "WEBHOOK_SECRET": secret},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode, "no secret" in done.stderr) == (2, True)

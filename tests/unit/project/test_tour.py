"""`samples/requests/tour.sh` where it cannot work: one sentence says why, and nothing is painted into a pipe."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from infra.local.emulator import free_port
from infra.package import ROOT

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is made with curl")


def tour(port):
    environment = {
        "PATH": os.environ["PATH"],
        "MASTER_KEY": "a-key-that-is-not-shown",
        "BASE_URL": f"http://127.0.0.1:{port}",
        "TERM": "xterm",
    }
    return subprocess.run(
        [ROOT / "samples" / "requests" / "tour.sh"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def somebody_else(status: int, body: bytes) -> Iterator[int]:
    """A server that answers this to every POST; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def is_one_sentence(done):
    """It failed at its first step, without a traceback, the key, or a colour."""
    said = done.stdout + done.stderr
    return (
        done.returncode == 1
        and done.stdout == "\n1. Create a cluster\n"
        and "Traceback" not in said
        and "a-key-that-is-not-shown" not in said
        and "\033" not in said
    )


def test_tour_without_a_server_reports_the_address():
    done = tour(port := free_port())

    assert is_one_sentence(done)
    assert f"No answer from http://127.0.0.1:{port}: is BASE_URL right?\n" in done.stderr


def test_tour_against_another_server_reports_the_address():
    with somebody_else(200, b"<html>hello</html>") as port:
        done = tour(port)

    assert is_one_sentence(done)
    assert done.stderr == f"What answers at http://127.0.0.1:{port} is not this API: is BASE_URL right?\n"


def test_tour_quotes_a_refusal_up_to_a_bound():
    with somebody_else(403, b'{"error": "no"}' + b" " * 10_000) as port:
        done = tour(port)

    assert is_one_sentence(done)
    assert done.stderr.startswith('POST /api/v1/clusters: 403 {"error": "no"}')
    assert len(done.stderr) < 600

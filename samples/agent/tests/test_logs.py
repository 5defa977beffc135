"""`edge-agent logs` prints or uploads the agent's logs, and no secret of its node."""

import asyncio
import gzip
import json
import os
import random
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from edge_agent.errors import NetworkError, UnavailableError
from edge_agent.log_file import LogFile
from edge_agent.ports.disk import SystemDisk
from edge_agent.ports.network import Response
from edge_agent.redaction import MASK, redacted
from edge_agent.runtime import new_backoff
from edge_agent.uploading import upload

from samples.agent.tests.support.agent_process import AGENT_FOLDER
from samples.agent.tests.support.eventually import eventually


class Store:
    """Takes PUTs as an object store does, after answering the given statuses first."""

    def __init__(self):
        self.statuses = []
        self.bodies = []
        self.headers = []
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = store.statuses.pop(0) if store.statuses else 200
                store.headers.append({name.lower() for name in self.headers})
                if status == 200:
                    store.bodies.append(body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/logs/1?X-Amz-Signature=abc123"

    def text(self):
        (body,) = self.bodies
        return gzip.decompress(body).decode()


@pytest.fixture
def store():
    made = Store()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def logs(state_dir, *options):
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "logs", "--state-dir", str(state_dir), *options],
        cwd=AGENT_FOLDER,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_uploads_the_logs_of_its_running_agent_without_secrets(server, agents, store):
    agent = agents.connected()
    store.statuses = [503]
    execution_id = server.add(f"$EDGE_AGENT logs --upload '{store.url}' # password=hunter2", wake=True)
    item = eventually(lambda: server.final(execution_id), what=agent.stderr)
    assert item["exit_code"] == 0, item["output"]
    assert "abc123" not in item["output"]
    text = store.text()
    assert "==> agent.log <==" in text
    assert "==> journal.jsonl <==" in text
    assert '"event": "websocket.connected"' in text
    assert execution_id in text
    identity = json.loads((agents.state_dir / "identity.json").read_text())
    for secret in (identity["api_token"], identity["proxy_password"], server.key(), "hunter2", "abc123"):
        assert secret not in text
    assert identity["node_id"] in text


def test_refused_upload_says_so_without_the_links_signature(agents, store):
    agents.state_dir.mkdir()
    store.statuses = [403]
    done = logs(agents.state_dir, "--upload", store.url)
    assert done.returncode == 2
    assert "status 403" in done.stderr
    assert "abc123" not in done.stderr
    assert store.bodies == []


class BusyStore:
    """A network whose only server always asks for patience, and a clock that does not wait."""

    def __init__(self):
        self.asked = 0
        self.slept = []

    async def request(self, _method, _url, **_):
        self.asked += 1
        if self.asked % 2:
            raise NetworkError("store.example: reset")
        return Response(503, {}, b"")

    async def sleep(self, seconds):
        self.slept.append(seconds)


def test_upload_to_a_busy_store_is_given_up_after_some_attempts():
    busy = BusyStore()
    backoff = new_backoff(random.Random(1))
    with pytest.raises(UnavailableError, match=r"store\.example: status 503, 6 times") as raised:
        asyncio.run(upload("https://store.example/x?X-Amz-Signature=abc123", b"", busy, busy, backoff))
    assert "abc123" not in str(raised.value)
    assert (busy.asked, len(busy.slept)) == (6, 5)
    assert busy.slept == sorted(busy.slept)


def test_upload_sends_no_header_that_a_presigned_links_signature_may_miss(agents, store):
    agents.state_dir.mkdir()
    assert logs(agents.state_dir, "--upload", store.url).returncode == 0
    assert store.headers[0] <= {"host", "content-length", "accept-encoding", "user-agent", "connection"}


def test_longer_logs_keep_their_end(tmp_path):
    (tmp_path / "agent.log").write_text("".join(f"line {number}\n" for number in range(1000)))
    done = logs(tmp_path, "--max-bytes", "200")
    lines = done.stdout.splitlines()
    assert len(done.stdout) <= 200
    assert "the beginning is left out" in lines[0]
    assert lines[-1] == "line 999"
    assert lines[1].startswith("line ")


@pytest.mark.parametrize("options", [["--max-bytes", "0"], ["--upload", "http://203.0.113.1/x"]])
def test_bad_options_are_refused(tmp_path, options):
    assert logs(tmp_path, *options).returncode == 2


def test_log_file_keeps_the_last_lines_in_two_files(tmp_path):
    for first in (0, 50):  # a restart in between
        file = LogFile(tmp_path, SystemDisk(), largest_bytes=100)
        for number in range(first, first + 50):
            file.append(f"line {number:04}\n")
        file.close()
    files = [(tmp_path / name).read_text() for name in ("agent.log.1", "agent.log")]
    assert all(0 < len(text) <= 100 for text in files)
    numbers = [int(line.split()[1]) for line in "".join(files).splitlines()]
    assert numbers == list(range(numbers[0], 100))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("authorization: basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("GET https://b.s3.amazonaws.com/k?X-Amz-Signature=0a1b2c&X-Amz-Date=1", "0a1b2c"),
        ("https://ada:lovelace@proxy:3128/", "lovelace"),
        ('{"api_token": "t0k3n"}', "t0k3n"),
        ("DB_PASSWORD=hunter2 ./run", "hunter2"),
        ("x-api-key: 123456", "123456"),
        ("key edge_AAAAbbbbCCCCddddEEEE done", "edge_AAAAbbbbCCCCddddEEEE"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n-----END OPENSSH PRIVATE KEY-----", "b3Blb"),
        ("-----BEGIN PRIVATE KEY-----\ncut off here", "cut off here"),
        ("a known one: qwertz", "qwertz"),
    ],
)
def test_secret_in_a_log_is_redacted(text, secret):
    shown = redacted(text, frozenset({"qwertz"}))
    assert secret not in shown
    assert MASK in shown


def test_plain_lines_of_the_log_are_kept():
    line = '{"at": "2026-01-01T00:00:00+00:00", "event": "agent.token_refused", "node_id": "n", "seconds": 1.5}'
    assert redacted(line, frozenset()) == line

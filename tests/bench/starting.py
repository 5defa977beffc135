"""Fresh interpreters: how long one takes to be ready, and how much memory it then has."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

_PROGRAM = """
import json, time
began = time.process_time()
{load}
loaded = time.process_time() - began
ready = time.perf_counter()
{request}
first = time.perf_counter()
{request}
second = time.perf_counter()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(json.dumps([1000 * loaded, 1000 * (first - ready), 1000 * (second - first), int(peak) / 1024]))
"""


@dataclass(frozen=True)
class Start:
    """Milliseconds of processor time until ready; of the first request and of the second as they pass, since they wait
    for answers. Megabytes at the most, as Linux counts them."""

    ready: float
    first: float
    second: float
    megabytes: float


def start(load: str, request: str, path: Path, environment: Mapping[str, str]) -> Start:
    """Run ``load``, then ``request`` twice, in an interpreter that finds nothing but ``path``."""
    code = _PROGRAM.format(load=load, request=request)
    given = {**environment, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    # -S: without this machine's own packages, whose folders would be searched as well.
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env=given, cwd=path, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Start(*json.loads(done.stdout.splitlines()[-1]))


class _Nothing(BaseHTTPRequestHandler):
    """A DynamoDB without rows."""

    protocol_version = "HTTP/1.1"
    wbufsize = 4096  # an answer in one packet: two would wait for each other

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"Responses": {}, "UnprocessedKeys": {}}'
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def empty_dynamodb() -> Iterator[str]:
    """The address of a DynamoDB that finds nothing."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nothing)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

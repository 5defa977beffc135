"""The real zip as Lambda runs it: AWS's own runtime client (``awslambdaric``) in the functions' Python, against a
Runtime API that this module serves on 127.0.0.1.

A test asks for the fixture ``real_zip`` (tests/infra/conftest.py), starts a handler of it and gives it events::

    with real_zip.start("app.app", environment) as function:
        answer = function.invoke(rest_event("GET", "/healthz"))

What comes back are the bytes that Lambda hands to the caller, as AWS's client encodes them.
"""

import json
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Self

from infra.libraries import PYTHON

PATIENCE_SECONDS = 60.0
"""For a function to start or to answer: generous, machines of tests are busy."""

_INVOCATION = "/2018-06-01/runtime/invocation/"


class FunctionFailed(Exception):  # noqa: N818 - Lambda's word
    """A function did not start, ended, or raised: what its runtime client reported, or what it wrote."""


@dataclass(frozen=True)
class RealZip:
    """The zip, unpacked into ``code``; ``libraries`` holds the runtime client."""

    python: Path
    code: Path
    libraries: Path

    def start(self, handler: str, environment: Mapping[str, str]) -> "RunningFunction":
        """A process that runs ``module.name`` from the zip, with these variables and Lambda's own. Use it by ``with``:
        it has started when that is entered, or raises `FunctionFailed`."""
        return RunningFunction(self, handler, environment)


class RunningFunction:
    """One container of a function."""

    def __init__(self, package: RealZip, handler: str, environment: Mapping[str, str]) -> None:
        self._package, self._handler, self._environment = package, handler, environment
        self._api = _RuntimeApi()
        self._process: subprocess.Popen[str] | None = None
        self.output = ""
        """What it wrote, once it has ended."""

    def __enter__(self) -> Self:
        address = self._api.start()
        variables = {
            **self._environment,
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_LOG_FORMAT": "JSON",  # as the templates have it
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{PYTHON}",
            "AWS_LAMBDA_FUNCTION_NAME": "function-of-a-test",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "LAMBDA_TASK_ROOT": str(self._package.code),
            "PYTHONPATH": str(self._package.libraries),
            "LANG": "en_US.UTF-8",
        }
        # Without -S this machine's libraries would stand in for what the zip lacks.
        command = [str(self._package.python), "-S", "-m", "awslambdaric", self._handler]
        self._process = subprocess.Popen(
            command,
            cwd=self._package.code,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self._wait_for(self._api.asked)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self.output += self._process.communicate()[0]
        self._api.stop()

    def invoke(self, event: object) -> bytes:
        """Its encoded answer. Raises `FunctionFailed` where it raises or ends."""
        self._api.events.put(json.dumps(event).encode())
        return self._wait_for(self._api.answers)

    def _wait_for(self, outcomes: "Queue[bytes]") -> bytes:
        waited = 0.0
        while waited < PATIENCE_SECONDS:
            if not self._api.errors.empty():
                raise FunctionFailed(self._api.errors.get().decode())
            try:
                return outcomes.get(timeout=0.05)
            except Empty:
                waited += 0.05
            if self._process is not None and self._process.poll() is not None and self._api.errors.empty():
                raise FunctionFailed(f"{self._handler} ended:\n{self._process.communicate()[0]}")
        raise FunctionFailed(f"{self._handler} does not answer")


@dataclass
class _RuntimeApi:
    """What a runtime client talks to (AWS documentation, "Lambda runtime API")."""

    events: "Queue[bytes | None]" = field(default_factory=Queue)
    asked: "Queue[bytes]" = field(default_factory=Queue)
    answers: "Queue[bytes]" = field(default_factory=Queue)
    errors: "Queue[bytes]" = field(default_factory=Queue)
    _server: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None

    def start(self) -> str:
        """Serve; returns ``host:port``."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api.asked.put(b"")
                event = api.events.get()
                if event is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                self.send_header("Lambda-Runtime-Deadline-Ms", "32503680000000")
                arn = "arn:aws:lambda:us-east-1:000000000000:function:of-a-test"
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", arn)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_answer = self.path.startswith(_INVOCATION) and self.path.endswith("/response")
                (api.answers if is_answer else api.errors).put(body)
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return f"127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self.events.put(None)
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A function that is killed leaves a connection behind."""


def rest_event(
    method: str,
    resource: str,
    *,
    parameters: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
) -> dict[str, Any]:
    """A request as API Gateway's REST API hands it to a function; ``parameters`` fill the braces of ``resource``."""
    path = resource.format(**(parameters or {}))
    sent = {"Host": "x.execute-api.us-east-1.amazonaws.com", **(headers or {})}
    if body is not None:
        sent |= {"Content-Type": "application/json"}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": dict(parameters) if parameters else None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/api{path}",
            "stage": "api",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "203.0.113.7"},
        },
        "body": body,
        "isBase64Encoded": False,
    }

"""MiniStack, the local AWS: started on a free port of 127.0.0.1 with a folder of its own."""

import json
import os
import shutil
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.local.processes import GuardedProcess

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
START_SECONDS = 30.0
SAVE_SECONDS = 90.0
"""The grace in which an emulator that keeps its state writes it down."""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
"""The access key that MiniStack accepts as the account's root."""

MEMORY_FILES = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ROOM_BYTES = 1024**3

_POLL_SECONDS = 0.05


def free_port() -> int:
    """A port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def fast_folder() -> str | None:
    """The folder for some ten thousand small temporary files: in memory if there is room, as a disk takes up to twenty
    seconds to remove them; None for the system's default. TMPDIR overrides it.
    """
    if os.environ.get("TMPDIR") or not os.access(MEMORY_FILES, os.W_OK):
        return None
    return str(MEMORY_FILES) if shutil.disk_usage(MEMORY_FILES).free > ROOM_BYTES else None


class Emulator:
    """One emulator process with empty state. Its lambda folders live in ``folder``, removed with it."""

    def __init__(self, *, check_roles: bool = True, keeps_state: bool = False) -> None:
        """With ``keeps_state`` it can be ended and started again on what it held (`end`, `start`)."""
        self._check_roles = check_roles
        self._keeps_state = keeps_state
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.folder = Path(tempfile.mkdtemp(prefix="edge-admin-cloud-", dir=fast_folder()))
        self.log = self.folder / "emulator.log"
        self._keeper = self._folder_keeper() if keeps_state else None
        self.start()

    def start(self) -> None:
        """Start the process, on the state that an earlier one has kept."""
        with self.log.open("ab") as output:
            self._process = GuardedProcess(
                [sys.executable, "-m", "ministack"],
                environment=self._environment(),
                output=output,
                folder=self.folder,
                remove=None if self._keeps_state else self.folder,
                # A clean stop would wait for functions that have just ended.
                grace_seconds=SAVE_SECONDS if self._keeps_state else 0,
            )

    def end(self) -> None:
        """End the process and all functions by SIGTERM, in the middle of what they do, keeping the state. Streams keep
        only their positions: what no function has read yet is lost, as after a day on AWS. Raises RuntimeError if the
        state was not saved."""
        self._process.stop()
        if not any(self._state.glob("*.json")):
            raise RuntimeError("the local cloud has not saved its state")
        if (functions := self._state / "lambda.json").exists():
            _forget_positions(functions)

    @property
    def _state(self) -> Path:
        return self.folder / "state"

    def _folder_keeper(self) -> GuardedProcess:
        """A process that only waits, and whose guard removes the folder when this process ends, however it does."""
        nothing = [sys.executable, "-c", "import signal; signal.pause()"]
        with self.log.open("ab") as output:
            return GuardedProcess(
                nothing, environment={}, output=output, folder=self.folder, remove=self.folder, grace_seconds=0
            )

    def wait_until_ready(self) -> None:
        """Raises RuntimeError, with the end of its log, when it does not answer in time."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.running:
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1):  # noqa: S310 - our own address
                    return
            except (urllib.error.URLError, TimeoutError):
                time.sleep(_POLL_SECONDS)
        raise RuntimeError(
            f"the local cloud did not start:\n{self.log.read_text()[-2000:] if self.log.exists() else ''}"
        )

    @property
    def session(self) -> int:
        """The id of the session that it and all its functions are in."""
        return self._process.session

    def client(self, service: str) -> Any:
        """A client with the account's root credentials."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}, read_timeout=60),
        )

    def stop(self) -> None:
        """End it and all its functions. Safe to repeat."""
        if self._keeper is None:
            self._process.stop()
        else:
            self._process.kill()
            self._keeper.stop()

    def _environment(self) -> dict[str, str]:
        """The emulator's environment, without the caller's AWS account and settings."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
        return {
            **inherited,
            **CREDENTIALS,
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_WARM_TTL_SECONDS": "86400",  # a copy that was started stays
            "AUTH": str(self._check_roles).lower(),  # whether roles are checked, as on AWS
            "LOG_LEVEL": "WARNING",
            "TMPDIR": str(self.folder),
            "S3_DATA_DIR": str(self.folder / "s3"),
            "PERSIST_STATE": "1" if self._keeps_state else "0",
            "S3_PERSIST": "1" if self._keeps_state else "0",
            "STATE_DIR": str(self._state),
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def _forget_positions(file: Path) -> None:
    """Let event sources read streams from their beginning: the emulator keeps how far they were read, and not the
    records."""
    saved = json.loads(file.read_text())
    positions = saved["payload"]["dynamodb_stream_positions"]["data"]
    positions.update(dict.fromkeys(positions, 0))
    file.write_text(json.dumps(saved))

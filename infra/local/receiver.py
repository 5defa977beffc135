"""The sample webhook receiver as a process of its own."""

import re
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.local.emulator import HOST
from infra.local.processes import GuardedProcess
from infra.local.sample_processes import inherited_environment, logged, write_secret
from infra.package import ROOT

SCRIPT = ROOT / "samples" / "webhook_receiver" / "receiver.py"

START_SECONDS = 30.0

_POLL_SECONDS = 0.02
_LISTENING = re.compile(r"listening on (\S+)\n")


class SampleReceiver:
    """Runs from the start to `stop`, on a free port of 127.0.0.1; takes only what is signed with one of its secrets."""

    def __init__(self, folder: Path, secrets_newest_first: Sequence[str] = ()) -> None:
        """Its secrets and its log are kept in ``folder``; without secrets it makes one.

        Raises RuntimeError when it does not start.
        """
        self.secrets = list(secrets_newest_first) or [secrets.token_urlsafe(32)]
        own = Path(tempfile.mkdtemp(prefix="receiver-", dir=folder))
        self._log = own / "receiver.log"
        secret_file = own / "secrets"
        write_secret(secret_file, "\n".join(self.secrets))
        command = [sys.executable, str(SCRIPT), "--host", HOST, "--port", "0", "--secret-file", str(secret_file)]
        with self._log.open("wb") as output:
            self._process = GuardedProcess(command, environment=inherited_environment(), output=output, folder=own)
        self.url = self._listening()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def events(self) -> list[dict[str, Any]]:
        """The events that it verified so far, each once, in the order of their arrival."""
        return list(logged(self._log))

    def stop(self) -> None:
        """End it and wait. Safe to repeat."""
        self._process.stop()

    def _listening(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if found := _LISTENING.search(self._log.read_text()):
                return f"{found[1]}/"
            if not self._process.running:
                break
            time.sleep(_POLL_SECONDS)
        self.stop()
        raise RuntimeError(f"the webhook receiver did not start:\n{self._log.read_text()}")

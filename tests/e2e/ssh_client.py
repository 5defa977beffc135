"""OpenSSH's own client, with nothing of the person who runs the tests: keys, known hosts and answers are in a folder of
its own, and no configuration is read."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SSH = shutil.which("ssh")
SSH_SECONDS = 60.0
"""Long, as everything that waits here."""

REFUSED = 255
"""What the client exits with when it could not log in; a command's own status otherwise."""

HOST = "127.0.0.1"

_ASK = '#!/bin/sh\nprintf "%s\\n" "$SAID_PASSWORD"\n'


@dataclass(frozen=True)
class Key:
    """``public`` is the line that an operator is given, with its comment."""

    path: Path
    public: str

    @property
    def fingerprint(self) -> str:
        """As OpenSSH prints it."""
        return _keygen("-l", "-f", f"{self.path}.pub").split()[1]


@dataclass(frozen=True)
class Done:
    """What a run of the client came to. ``error`` holds its own words as well as the command's."""

    status: int
    output: str
    error: str

    @property
    def was_refused(self) -> bool:
        """Whether the server let nobody in; any other failure to connect is none."""
        return self.status == REFUSED and "Permission denied" in self.error


class SshClient:
    """Logs in to one server, whose host key it insists on."""

    def __init__(self, folder: Path, port: int, host_key: Path) -> None:
        """``host_key`` is the server's private key: its public half is what the client is to meet."""
        self._folder = folder
        self._port = port
        self._known_hosts = folder / "known_hosts"
        self._known_hosts.write_text(f"[{HOST}]:{port} {_keygen('-y', '-f', str(host_key))}")
        self._ask = folder / "ask"
        self._ask.write_text(_ASK)
        self._ask.chmod(0o700)

    def new_key(self, name: str, kind: str = "ed25519") -> Key:
        """A fresh pair without a passphrase."""
        path = self._folder / name
        _keygen("-q", "-t", kind, "-N", "", "-C", f"{name} of a test", "-f", str(path))
        return Key(path, path.with_name(f"{name}.pub").read_text().strip())

    def by_key(self, username: str, key: Key, command: str) -> Done:
        options = ["-i", str(key.path), "-o", "IdentitiesOnly=yes", "-o", "PreferredAuthentications=publickey"]
        return self._run([*options, "-o", "BatchMode=yes"], username, [command], {}, "")

    def by_password(self, username: str, password: str, *command: str, typed: str = "", tries: int = 1) -> Done:
        """``tries`` is how often the same password is given; ``typed`` goes to a shell, for which there is a terminal
        if no command is named."""
        options = ["-o", "PreferredAuthentications=password", "-o", f"NumberOfPasswordPrompts={tries}"]
        terminal = [] if command else ["-tt"]
        return self._run([*options, *terminal], username, command, {"SAID_PASSWORD": password}, typed)

    def _run(
        self, options: list[str], username: str, command: list[str] | tuple[str, ...], more: dict[str, str], typed: str
    ) -> Done:
        fixed = ["-F", "none", "-p", str(self._port), "-o", "IdentityAgent=none", "-o", "ControlPath=none"]
        fixed += ["-o", f"UserKnownHostsFile={self._known_hosts}", "-o", "GlobalKnownHostsFile=none"]
        # Newer clients have advice to give.
        fixed += ["-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "TERM": "vt100", **more}
        environment |= {"SSH_ASKPASS": str(self._ask), "SSH_ASKPASS_REQUIRE": "force"}
        done = subprocess.run(
            [SSH or "ssh", *fixed, *options, f"{username}@{HOST}", *command],
            check=False,
            env=environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=SSH_SECONDS,
        )
        return Done(done.returncode, done.stdout, done.stderr)


def _keygen(*arguments: str) -> str:
    done = subprocess.run(["ssh-keygen", *arguments], check=True, capture_output=True, text=True, timeout=SSH_SECONDS)
    return done.stdout

"""What /proc tells of processes. Where it is missing, odd or not readable, it tells of none."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Status:
    """`state` is the kernel's letter: Z is a zombie, X one that is gone."""

    state: str
    parent: int
    session: int


def pids() -> list[int]:
    """Of all processes."""
    with suppress(OSError):
        return [int(folder.name) for folder in PROC.iterdir() if folder.name.isascii() and folder.name.isdecimal()]
    return []


def status_of(pid: int) -> Status | None:
    with suppress(OSError, ValueError, IndexError):
        # pid (name) state parent group session ...; the name may hold anything.
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        fields = text.rpartition(")")[2].split()
        return Status(fields[0], int(fields[1]), int(fields[3]))
    return None


def members_of_session(leader: int) -> list[int]:
    """The living ones besides the leader."""
    found = []
    for pid in pids():
        status = status_of(pid)
        if pid != leader and status is not None and status.state not in "ZX" and status.session == leader:
            found.append(pid)
    return found


def environment_of(pid: int) -> list[bytes]:
    """NAME=value each. Empty for a process that is gone, a zombie, or another user's."""
    with suppress(OSError):
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return []

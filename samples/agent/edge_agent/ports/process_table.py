"""Looks processes up in the system's table. If the table is missing or unreadable, no process is found."""

import os
from contextlib import suppress

import psutil


def kill_by_variable(name: str, value: str, signal_number: int, searches: int) -> int:
    """Signal every process that has a variable in its environment; returns how many were found.

    The search is repeated for processes that were born during it. Those of other users are not found.
    """
    signalled = 0
    for _ in range(searches):
        found = [pid for pid in _pids() if _variable(pid, name) == value]
        if not found:
            break
        _signal_all(found, signal_number)
        signalled += len(found)
    return signalled


def kill_session_members(leader: int, signal_number: int, searches: int) -> None:
    """Signal every living process of a session besides its leader. Repeated for those born during the search."""
    for _ in range(searches):
        found = [pid for pid in _pids() if pid != leader and _session(pid) == leader and not _is_zombie(pid)]
        if not found:
            return
        _signal_all(found, signal_number)


def zombie_children() -> set[int]:
    """The process ids of this process's children that have ended and were not waited for."""
    return {pid for pid in _pids() if _is_zombie(pid) and _parent(pid) == os.getpid()}


def _pids() -> list[int]:
    with suppress(OSError, psutil.Error):
        return psutil.pids()
    return []


def _is_zombie(pid: int) -> bool:
    with suppress(Exception):
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return False


def _parent(pid: int) -> int | None:
    with suppress(Exception):
        return psutil.Process(pid).ppid()
    return None


def _variable(pid: int, name: str) -> str | None:
    with suppress(Exception):
        return psutil.Process(pid).environ().get(name)
    return None


def _session(pid: int) -> int | None:
    with suppress(OSError):
        return os.getsid(pid)
    return None


def _signal_all(pids: list[int], signal_number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal_number)

"""Facts about the machine that the system's libraries tell."""

import platform
import socket
from collections.abc import Callable
from contextlib import suppress

import psutil

MOST_ADDRESSES = 16


def system_facts() -> dict[str, str | list[str]]:
    """Host name, architecture, kernel and addresses. Unknown ones are left out: an odd machine works all the same."""
    found: dict[str, str | list[str]] = {
        "hostname": _quietly(socket.gethostname),
        "architecture": _quietly(platform.machine),
        "kernel": _quietly(platform.release),
        "addresses": _addresses(),
    }
    return {name: value for name, value in found.items() if value}


def _addresses() -> list[str]:
    """The addresses of all interfaces that other machines can reach, in a stable order."""
    found: set[str] = set()
    with suppress(Exception):  # psutil raises what the system does
        for addresses in psutil.net_if_addrs().values():
            found |= {each.address for each in addresses if each.family in {socket.AF_INET, socket.AF_INET6}}
    return sorted(each for each in found if not each.startswith(("127.", "::1", "fe80:")))[:MOST_ADDRESSES]


def _quietly(read: Callable[[], str]) -> str:
    try:
        return read()
    except OSError:
        return ""

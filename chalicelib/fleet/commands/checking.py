"""Which new commands are refused by themselves, whatever exists."""

from datetime import datetime

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.model import NewCommand
from chalicelib.fleet.targeting.rules import wrong_with
from chalicelib.kit.errors import BLANK, EdgeError, Kind, at_most_bytes

TEXT_LIMIT_BYTES = 128 * 1024 - 1
"""UTF-8 bytes of a command's text: what Linux takes as one argument of a process, 128 KiB with the zero byte at its end
(``MAX_ARG_STRLEN``, execve(2)). A longer text could be stored, and then run nowhere."""


def check_new(new: NewCommand, now: datetime) -> None:
    """Raises `EdgeError` (validation failed)."""
    details: dict[str, list[str]] = {}
    if not new.command_text.strip():
        details["command_text"] = [BLANK]
    elif len(new.command_text.encode()) > TEXT_LIMIT_BYTES:
        details["command_text"] = [at_most_bytes(TEXT_LIMIT_BYTES)]
    elif "\0" in new.command_text:  # no program can be given one: each machine would fail by itself
        details["command_text"] = [f"has U+0000 as character {new.command_text.index(chr(0)) + 1}: no shell takes it"]
    if new.expired_at is not None and new.expired_at <= now:
        details["expired_at"] = [rules.DEADLINE_PASSED]
    details |= wrong_with(new.targeting)
    if details:
        raise EdgeError(Kind.VALIDATION_FAILED, "Validation failed", details)

"""Texts of the command line as values of requests."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edgectl.errors import CliError

_SPAN = re.compile(r"(\d+)(ms|s|m|h|d)")
_ALMOST_A_SECOND = timedelta(microseconds=999_999)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str, option: str) -> float:
    """A span of time as 500ms, 30s, 5m, 12h, 7d, 1h30m. Raises `CliError`."""
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise CliError(f"{option} {text!r}: a span of time is a number with ms, s, m, h or d, as 30s or 1h30m")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def moment_of(text: str, option: str, now: datetime, *, back: bool = False) -> str:
    """A time as given, or a span from now (back: before now), as ISO 8601. A span from now ends with a second, so that
    it is never shorter than it says. Raises `CliError`."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        away = timedelta(seconds=seconds_of(text, option))
        given = now - away if back else now + away + _ALMOST_A_SECOND
    if given.tzinfo is None:
        given = given.astimezone()
    return given.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def secret_of(file: str, option: str) -> str:
    """The first line of a file, or of standard input for ``-``. Raises `CliError`."""
    if file == "-":
        return sys.stdin.readline().rstrip("\n")
    lines = text_of(file, option).splitlines()
    if not lines:
        raise CliError(f"{option} {file}: the file is empty")
    return lines[0]


def public_key_of(file: str, option: str) -> str:
    """The public key in a file. A private key is refused. Raises `CliError`."""
    text = text_of(file, option).strip()
    if "PRIVATE KEY" in text:
        raise CliError(f"{option} {file}: this is a private key; the public one is usually {file}.pub")
    return text


def public_keys_of(files: Sequence[str], option: str) -> list[dict[str, str]]:
    """The public keys in files, each named by the comment in it, or else by its file."""
    keys = []
    for file in files:
        line = public_key_of(file, option)
        comment = line.split(maxsplit=2)[2:]
        keys.append({"key_name": comment[0] if comment else Path(file).stem, "public_key": line})
    return keys


def pairs_of(texts: Sequence[str], option: str) -> dict[str, str]:
    """Texts ``name=value`` as a mapping. Raises `CliError`."""
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise CliError(f"{option} {text!r}: expected name=value")
        pairs[name] = value
    return pairs


def labels_of(texts: Sequence[str], option: str) -> dict[str, str | None]:
    """Labels ``name=value``; without a value the label is to be taken off. Raises `CliError`."""
    return {name: value or None for name, value in pairs_of(texts, option).items()}


def label_filter_of(texts: Sequence[str], option: str) -> str:
    """Labels ``name=value`` as a filter, ``env:prod,role:web``. Raises `CliError`."""
    return ",".join(f"{name}:{value}" for name, value in pairs_of(texts, option).items())


def text_of(file: str, option: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{option} {file}: {error.strerror if isinstance(error, OSError) else 'not a text'}") from error

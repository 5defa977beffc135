"""Texts of the command line as values of requests."""

import re
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edgectl.errors import CliError

_SPAN = re.compile(r"(\d+)(ms|s|m|h|d)")
_ALMOST_A_SECOND = timedelta(microseconds=999_999)
_PARAMETER_TYPES = ("string", "integer", "boolean", "enum")
_FLAGS = ("required", "sensitive")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str, option: str) -> float:
    """A span of time as 500ms, 30s, 5m, 12h, 7d, 1h30m. Raises `CliError`."""
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise CliError(f"{option} {text!r}: a span of time is a number with ms, s, m, h or d, as 30s or 1h30m")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def share_of(text: str, option: str) -> int | str:
    """A number, or a percentage as 10%. Raises `CliError`."""
    if re.fullmatch(r"\d+", text):
        return int(text)
    if not re.fullmatch(r"\d+%", text):
        raise CliError(f"{option} {text!r}: expected a whole number or a percentage, as 50 or 10%")
    return text


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
    """The first line of a file, or of standard input for ``-``, without its line break. Raises `CliError`."""
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
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


def parameters_of(texts: Sequence[str], option: str) -> list[dict[str, Any]]:
    """Parameters of a script: each ``NAME TYPE``, then attributes as name=value, or a name alone for one that holds;
    the type may be left out: string. Raises `CliError`."""
    return [_parameter_of(text, option) for text in texts]


def _parameter_of(text: str, option: str) -> dict[str, Any]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CliError(f"{option} {text!r}: {error}") from error
    if not words or "=" in words[0]:
        raise CliError(f"{option} {text!r}: expected NAME TYPE, as 'UNIT enum values=nginx,sshd required'")
    kind = words[1] if words[1:] and words[1] in _PARAMETER_TYPES else None
    found: dict[str, Any] = {"name": words[0], "type": kind or "string"}
    for word in words[1 if kind is None else 2 :]:
        name, sign, value = word.partition("=")
        if not sign and name not in _FLAGS:
            raise CliError(f"{option} {text!r}: {name!r} is none of {', '.join((*_PARAMETER_TYPES, *_FLAGS))}")
        found[name] = _attribute_of(name, value, option) if sign else True
    return found


def _attribute_of(name: str, value: str, option: str) -> Any:
    match name:
        case "values":
            return value.split(",")
        case "minimum" | "maximum":
            return number_of(value, option)
        case _:
            return value


def number_of(text: str, option: str) -> int:
    """A whole number. Raises `CliError`."""
    if not text.removeprefix("-").isdigit():
        raise CliError(f"{option} {text!r}: expected a whole number")
    return int(text)


def whole_text_of(file: str, option: str) -> str:
    """The text of a file, or of standard input for ``-``. Raises `CliError`."""
    return sys.stdin.read() if file == "-" else text_of(file, option)


def value_of(file: str, option: str) -> str:
    """As `whole_text_of`, without the line break with which editors end a file. Raises `CliError`."""
    return whole_text_of(file, option).removesuffix("\n")


def text_of(file: str, option: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{option} {file}: {error.strerror if isinstance(error, OSError) else 'not a text'}") from error

"""The control planes that somebody works with: their addresses in a file that only its owner can read, their keys there
or in the keyring of the system."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from edgectl import keystore
from edgectl.errors import CliError

DEFAULT = "default"
_KEY_IN, _KEYRING = "key_in", "keyring"
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Profile:
    """An address and a key."""

    url: str
    key: str = field(repr=False)


def path() -> Path:
    """``$XDG_CONFIG_HOME/edgectl/profiles.json``, by default below ``~/.config``."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "edgectl" / "profiles.json"


def names() -> list[str]:
    """The names of all profiles."""
    return sorted(_read())


def load(name: str | None, url: str | None) -> Profile:
    """The profile to work with: ``EDGE_URL`` and ``EDGE_KEY`` before the file, ``--url`` before both. Raises `CliError`
    if address or key is missing or malformed, or if the file can be read by others."""
    chosen = name or os.environ.get("EDGE_PROFILE") or DEFAULT
    stored = _read().get(chosen, {})
    if name is not None and not stored:
        known = ", ".join(names()) or "none yet"
        raise CliError(f"there is no profile {name!r} (profiles: {known}): edgectl login --profile {name}")
    address = url or os.environ.get("EDGE_URL") or stored.get("url")
    source = "EDGE_KEY" if os.environ.get("EDGE_KEY") else f"the key of the profile {chosen!r}"
    key = os.environ.get("EDGE_KEY") or stored.get("key")
    if address and not key and stored.get(_KEY_IN) == _KEYRING:
        key = keystore.read(chosen)
    if not address or not key:
        missing = "address" if not address else "key"
        raise CliError(f"no {missing}: edgectl login, or set EDGE_URL and EDGE_KEY")
    return Profile(address.strip().rstrip("/"), key_of(key, source))


def key_of(text: str, source: str) -> str:
    """The key in a text, without the spaces and line breaks around it that editors and shells leave. Raises `CliError`
    naming its source, never the text, if it has other than visible ASCII: no header takes that."""
    key = text.strip()
    if not _KEY.fullmatch(key):
        raise CliError(f"{source} is no key: expected letters, digits and signs of ASCII, without spaces")
    return key


def save(name: str, profile: Profile, *, in_keyring: bool = False) -> None:
    """Store a profile. The file is made with mode 0600, and replaced as a whole; with ``in_keyring`` the key is not in
    it. Raises `CliError` if the keyring refuses: then nothing is stored."""
    known = _read()
    if in_keyring:
        keystore.store(name, profile.key)
        kept = {_KEY_IN: _KEYRING}
    else:
        kept = {"key": profile.key}
    _write({**known, name: {"url": profile.url, **kept}})
    if not in_keyring and known.get(name, {}).get(_KEY_IN) == _KEYRING:
        keystore.forget(name)


def remove(name: str) -> bool:
    """Forget a profile; False if there is none of that name."""
    stored = _read()
    forgotten = stored.pop(name, None)
    if forgotten is None:
        return False
    _write(stored)
    if forgotten.get(_KEY_IN) == _KEYRING:
        keystore.forget(name)
    return True


def _read() -> dict[str, dict[str, str]]:
    file = path()
    try:
        mode = file.stat().st_mode & 0o077
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    if mode:
        raise CliError(f"others can read {file}: chmod 600 {file}")
    try:
        stored: dict[str, dict[str, str]] = json.loads(text)
    except ValueError as error:
        raise CliError(f"{file} is damaged: remove it, then edgectl login") from error
    return stored


def _write(stored: dict[str, dict[str, str]]) -> None:
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        json.dump(stored, opened, indent=2)
    new.replace(file)

"""The file of a stage, ``infra/stages/{stage}.toml``: the deployer's settings, versioned and reviewed like code.

A new stage without a file gets all defaults. After that, a setting that the file does not name keeps its deployed
value. infra/stages/README.md has an example.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.deployables import EVERY
from infra.further import OWN_SETTINGS, check_name
from infra.parameters import SECRET_KEYS, documented_settings

FOLDER = Path(__file__).resolve().parent.parent / "stages"

STAGE_PATTERN = "[a-z][a-z0-9]{1,15}"

_TABLES = {"settings", "further", "family"}
_FAMILIES = "families"
_TEXTS = {"account": "[0-9]{12}", "region": "[a-z]{2}(-[a-z]+)+-[0-9]"}


@dataclass(frozen=True)
class StageFile:
    """The content of the file. ``account`` and ``region`` are "" for any. Settings are texts by name, as environment
    variables have them; "" sets one back to its default. ``further`` has those of each further stack, by its NAME,
    ``families`` those of the stack of each other family. ``chosen`` names the families that the stage has; none: the
    file does not say."""

    path: Path
    account: str = ""
    region: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    further: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    families: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        return self.path.exists()

    @property
    def shown(self) -> str:
        """The path from the repository's root."""
        return _shown(self.path)


def check_stage(stage: str) -> None:
    """Raises ValueError for an invalid name of a stage."""
    if not re.fullmatch(STAGE_PATTERN, stage):
        raise ValueError(
            f"STAGE has to be 2 to 16 lower-case letters and digits, and begin with a letter; {stage!r} is not"
        )


def read(stage: str, names: Mapping[str, frozenset[str]], folder: Path = FOLDER) -> StageFile:
    """The parsed file of that stage; empty if it has none. ``names`` are the settings that are allowed, for the core
    (``settings``), further stacks (``further``) and other families (``family``).

    Raises ValueError for a file that is not TOML, for unknown names, for keys, and for invalid values.
    """
    path = folder / f"{stage}.toml"
    if not path.exists():
        return StageFile(path)
    shown, content = _shown(path), _content(path)
    unknown = sorted(set(content) - _TABLES - {_FAMILIES, *_TEXTS})
    if unknown:
        allowed = ", ".join([*_TEXTS, _FAMILIES, "[settings]", "[further.NAME]", "[family.NAME]"])
        raise ValueError(f"{shown}: {', '.join(unknown)} is unknown here; allowed: {allowed}")
    texts = {name: _text(shown, name, content) for name in _TEXTS}
    settings = _settings(shown, "settings", content.get("settings", {}), names["settings"])
    further = _named(shown, "further", content, names["further"], check_name)
    families = _named(shown, "family", content, names["family"], _check_family)
    chosen = _chosen(shown, content.get(_FAMILIES))
    return StageFile(path, texts["account"], texts["region"], settings, further, families, chosen)


def account_and_region(stage: str, folder: Path = FOLDER) -> tuple[str, str]:
    """The account and the region in the file of that stage; "" for any. Raises ValueError for an invalid name, file,
    account or region."""
    check_stage(stage)
    path = folder / f"{stage}.toml"
    content = _content(path) if path.exists() else {}
    return _text(_shown(path), "account", content), _text(_shown(path), "region", content)


def _chosen(file: str, value: object) -> tuple[str, ...]:
    known = [each.family.name for each in EVERY]
    if value is None:
        return ()
    if not isinstance(value, list) or not value or not all(name in known for name in value):
        raise ValueError(f"{file}: {_FAMILIES} has to be a list with some of {', '.join(known)}, {value!r} is not")
    return tuple(value)


def _content(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{_shown(path)}: {error}") from None


def _named(
    file: str, kind: str, content: Mapping[str, Any], known: frozenset[str], check: Callable[[str], None]
) -> dict[str, dict[str, str]]:
    """The settings of each table ``[kind.NAME]``, by name."""
    found = {}
    for name, table in _table(file, kind, content.get(kind, {})).items():
        try:
            check(name)
        except ValueError as error:
            raise ValueError(f"{file}, [{kind}]: {error}") from None
        found[name] = _settings(file, f"{kind}.{name}", table, known)
    return found


def _check_family(name: str) -> None:
    others = [each.family.name for each in EVERY[1:]]
    if name not in others:
        raise ValueError(f"{name} is not a family with a stack of its own; there are: {', '.join(others) or 'none'}")


def _text(file: str, name: str, content: Mapping[str, Any]) -> str:
    value, pattern = content.get(name, ""), _TEXTS[name]
    if not isinstance(value, str) or (value and not re.fullmatch(pattern, value)):
        raise ValueError(f"{file}: {name} has to be a text that matches {pattern}, {value!r} does not")
    return value


def _table(file: str, name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{file}: {name} has to be a table, [{name}]")  # noqa: TRY004 - a mistake in a file
    return value


def _settings(file: str, table: str, content: Any, known: frozenset[str]) -> dict[str, str]:
    settings = {}
    for name, value in _table(file, table, content).items():
        if name not in known:
            raise ValueError(f"{file}, [{table}]: {_why_not(name, known)}")
        settings[name] = as_text(f"{file}, [{table}]: {name}", value)
    return settings


def _why_not(name: str, known: frozenset[str]) -> str:
    if name in SECRET_KEYS:
        return f"{name} is a key: it does not stand in a file; give it once, as DEPLOY_{name}=... make deploy"
    if name in documented_settings() and name not in OWN_SETTINGS:
        return f"{name} is the same in all stacks of a stage: set it in [settings]"
    near = difflib.get_close_matches(name, known, n=1)
    return f"there is no setting {name}" + (f"; is {near[0]} meant?" if near else "")


def _shown(path: Path) -> str:
    root = FOLDER.parent.parent
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def as_text(context: str, value: object) -> str:
    """A TOML value as the text of an environment variable. Raises ValueError for tables, dates and lists of these."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(each, str | int) and not isinstance(each, bool) for each in value):
            return ",".join(str(each) for each in value)
    raise ValueError(f"{context} has to be a text, a number, true, false or a list of texts")

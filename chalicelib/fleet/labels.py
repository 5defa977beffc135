"""Labels of nodes: who may set them, and which hold. Pure."""

import re
from collections.abc import Mapping

from chalicelib.kit.errors import EdgeError, Kind, invalid

MOST = 20
"""Labels of one node, and of one source of them."""

PAIR_PATTERN = r"^[a-z0-9._/-]{1,63}:[a-z0-9._/-]{1,63}$"
FORM = "a-z, 0-9 and . _ / -, at most 63 of them"

REMOVED = ""
"""Stands among an operator's labels for one that the operator has taken off."""

_NAME = re.compile(r"[a-z0-9._/-]{1,63}")

Labels = Mapping[str, str]


def effective(*, operator: Labels, key: Labels, agent: Labels) -> dict[str, str]:
    """The labels that hold: an operator's go before those of the enrollment key, and these before the agent's own, of
    which the last by name give way where there are more than `MOST`."""
    if not (operator or key or agent):
        return {}
    found = {name: value for name, value in operator.items() if value != REMOVED}
    for source in (key, agent):
        for name, value in sorted(source.items()):
            if name not in operator and name not in found and len(found) < MOST:
                found[name] = value
    return dict(sorted(found.items()))


def changed(operator: Labels, given: Mapping[str, str | None], others: Labels) -> dict[str, str]:
    """An operator's labels after a change; None takes a label off, also one of the ``others`` that key or agent set.
    Raises `EdgeError` (validation failed) above `MOST`."""
    found = dict(operator)
    for name, value in given.items():
        if value is not None:
            found[name] = value
        elif name in others:
            found[name] = REMOVED
        else:
            found.pop(name, None)
    if sum(value != REMOVED for value in found.values()) > MOST:
        raise too_many()
    return dict(sorted(found.items()))


def check(labels: Mapping[str, str | None]) -> None:
    """Raises `EdgeError` (validation failed) that names each label of a wrong form, and above `MOST`."""
    wrong = {
        f"labels/{name}": [f"{text!r}: expected {FORM}"]
        for name, value in labels.items()
        for text in (name, value)
        if text is not None and not _NAME.fullmatch(text)
    }
    if wrong:
        raise EdgeError(Kind.VALIDATION_FAILED, "Validation failed", wrong)
    if len(labels) > MOST:
        raise too_many()


def too_many() -> EdgeError:
    return invalid("labels", f"at most {MOST} labels")


def wanted(text: str) -> dict[str, str]:
    """The labels of a filter, ``env:prod,role:web``. Raises ValueError that says what is wrong."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, colon, value = part.strip().partition(":")
        if not colon or not _NAME.fullmatch(name) or not _NAME.fullmatch(value):
            raise ValueError(f"{part.strip()!r}: expected name:value, of {FORM}")
        if found.setdefault(name, value) != value:
            raise ValueError(f"{name!r} cannot be {found[name]!r} and {value!r}")
    return found

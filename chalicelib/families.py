"""Which families of APIs there are: the one line that a new family adds is here."""

import os
from functools import cache
from importlib import import_module

from chalicelib.platform.context import Families, Family

NAMES: tuple[str, ...] = ("fleet",)
"""Every family that this project has; each stands in the folder of its name, below those that need it."""

CHOSEN = "FAMILIES"
"""The environment variable that names, separated by commas, the families that a package serves; unset: all."""

SERVED = "FAMILY"
"""The environment variable that names the family whose API a stack serves; unset: the first of `NAMES`, which stands in
the stacks of the platform."""


@cache
def family(name: str) -> Family:
    """The family of that name. Raises LookupError for a name that is not in `NAMES`."""
    if name not in NAMES:
        raise LookupError(f"{name!r} is no family: there are {', '.join(NAMES)}")
    declared: Family = import_module(f"chalicelib.{name}.family").FAMILY
    return declared


def chosen(names: str | None = None) -> tuple[Family, ...]:
    """The families that are named (by default in the environment), and those that they need, in the order of `NAMES`.
    Raises LookupError as `family`."""
    text = os.environ.get(CHOSEN, "") if names is None else names
    wanted = [name.strip() for name in text.split(",") if name.strip()] or list(NAMES)
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted.extend(family(name).needs)
    return tuple(family(name) for name in NAMES if name in found)


def served() -> Family:
    """The family whose API this stack serves. Raises LookupError as `family`."""
    return family(os.environ.get(SERVED) or NAMES[0])


@cache
def deployed(names: str | None = None) -> Families:
    """The platform and the `chosen` families, which work together in one deployment."""
    platform: Family = import_module("chalicelib.platform.family").FAMILY
    return Families((platform, *chosen(names)))

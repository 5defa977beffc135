"""The families of APIs of this project. The one line that a new family adds is in `NAMES`.

This module imports no family: they are imported by name when they are asked for.
"""

import os
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.platform.context import Family
    from chalicelib.platform.families import Families
    from chalicelib.web.api import Api

NAMES: tuple[str, ...] = ("fleet", "machines", "cloud")
"""The names of all families. Each stands in the folder of its name, and before the families that need it."""

BY_NAME = frozenset({"cloud"})
"""The families that are deployed only if they are named; all others are there by default."""

CHOSEN = "FAMILIES"
"""The environment variable with the names of the families that are deployed, separated by commas; unset: those that are
there by default."""

EVERY = ",".join(NAMES)
"""The value that names all of them."""

SERVED = "FAMILY"
"""The environment variable with the name of the family whose APIs a stack serves (or several names, separated by
commas). Unset: the first of `NAMES`, which stands in the stacks of the platform."""


@cache
def family(name: str) -> "Family":
    """The family of that name. Raises LookupError for a name that is not one of `NAMES`."""
    _check(name)
    declared: Family = import_module(f"chalicelib.{name}.family").FAMILY
    return declared


def chosen(names: str | None = None) -> "tuple[Family, ...]":
    """The named families (by default those named in the environment) and the families that they need, in the order of
    `NAMES`. Raises LookupError as `family`."""
    wanted = _listed(os.environ.get(CHOSEN, "") if names is None else names)
    wanted = wanted or [name for name in NAMES if name not in BY_NAME]
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted.extend(family(name).needs)
    return tuple(family(name) for name in NAMES if name in found)


def apis_of(name: str) -> "Sequence[Api]":
    """The published APIs of a family: ``APIS`` of its package ``api``. The family's value is not imported, since with
    it every context would be. Raises LookupError as `family`."""
    _check(name)
    declared: Sequence[Api] = import_module(f"chalicelib.{name}.api").APIS
    return declared


def served() -> "tuple[Family, ...]":
    """The families whose APIs this stack serves. Raises LookupError as `family`."""
    return tuple(family(name) for name in _served_names())


def served_apis() -> "list[Api]":
    """The APIs that this stack serves. Raises LookupError as `family`."""
    return [api for name in _served_names() for api in apis_of(name)]


@cache
def deployed(names: str | None = None) -> "Families":
    """The platform and the `chosen` families, which work together in one deployment."""
    platform: Family = import_module("chalicelib.platform.family").FAMILY
    together: Families = import_module("chalicelib.platform.families").Families((platform, *chosen(names)))
    return together


def every_api() -> "list[Api]":
    """The APIs of all families."""
    return [api for name in NAMES for api in apis_of(name)]


def _served_names() -> "Sequence[str]":
    return _listed(os.environ.get(SERVED, "")) or NAMES[:1]


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _check(name: str) -> None:
    if name not in NAMES:
        raise LookupError(f"{name!r} is no family: there are {', '.join(NAMES)}")

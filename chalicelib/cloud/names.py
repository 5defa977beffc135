"""The names and numbers of the things that tenants make. Pure."""

import re

from chalicelib.kit.errors import conflict, invalid

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")


def check_name(name: str) -> str:
    """The name. Raises `EdgeError` (validation failed) for one of another form."""
    if not _NAME.fullmatch(name):
        raise invalid("name", "has to be up to 64 letters, digits, blanks, . _ or -, a letter or digit first")
    return name


def check_count(what: str, count: int, most: int) -> None:
    """Raises `EdgeError` (conflict) for one too many."""
    if count >= most:
        raise conflict(f"there are {most} {what} already: delete one that is not needed")

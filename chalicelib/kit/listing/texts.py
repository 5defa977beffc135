"""The grammar of text filters: ``a,b`` is any of these or exactly ``a,b``, ``a*b`` a pattern, anything else exact.

Inside a comma list a star means itself. Patterns ignore case; ``%`` and ``_`` mean themselves everywhere.
"""

from collections.abc import Callable

_LIST = ","
_ANYTHING = "*"


def exact_values(wanted: str) -> tuple[str, ...] | None:
    """The values that match exactly, without repeats; None if ``wanted`` is a pattern. A comma list gives its parts,
    since values used as keys contain no commas."""
    if _LIST in wanted:
        trimmed = (part.strip() for part in wanted.split(_LIST))
        return tuple(dict.fromkeys(part for part in trimmed if part))
    return None if _ANYTHING in wanted else (wanted,)


def text_test(wanted: str) -> Callable[[str], bool]:
    """The test that ``wanted`` stands for. Its time is linear in the text for any pattern."""
    values = exact_values(wanted)
    if values is not None:
        return frozenset({wanted, *values}).__contains__
    first, *middle, last = wanted.lower().split(_ANYTHING)
    parts = [part for part in middle if part]
    return lambda text: _fits(text.lower(), first, parts, last)


def _fits(text: str, first: str, parts: list[str], last: str) -> bool:
    """Whether ``text`` is first, the parts in this order with anything between, then last, none of them overlapping.

    The leftmost place of each part leaves the most room for the next, so one pass decides; a regular expression
    with several stars would try combinations.
    """
    end = len(text) - len(last)
    if not (text.startswith(first) and text.endswith(last) and len(first) <= end):
        return False
    at = len(first)
    for part in parts:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True

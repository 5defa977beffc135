"""Cuts the data of a result until it fits into the context of an assistant, and says where."""

import json
from typing import Any

MOST_CHARACTERS = 40_000
"""The most JSON in a result: some ten thousand tokens."""

LIMITS = (4_000, 1_000, 200)
"""Characters of a text within a result; the first of these with which the result fits."""

MOST_ITEMS = 50
"""Items of a list within an item, such as the ids of a command's targets."""


def shrunk(data: Any, most: int = MOST_CHARACTERS) -> tuple[Any, list[str]]:
    """The data within that many characters of JSON, and a sentence for each kind of cut. A list keeps its first
    items."""
    if _length(data) <= most:
        return data, []
    cut = set[str]()
    for limit in LIMITS:
        cut = set()
        smaller = _cut(data, limit, "", cut, is_page=True)
        if _length(smaller) <= most:
            return smaller, _said(cut, limit)
    if not isinstance(data, list):
        return None, ["The result is too large to be shown: read it through the HTTP API."]
    kept = _fitting(smaller, most)
    left_out = (
        f"Shown are the first {len(kept)} of {len(data)} items. For all of them, call again with page_size "
        f"{max(len(kept), 1)} and go through the pages, or narrow the filters."
    )
    return kept, [left_out, *_said(cut, LIMITS[-1])]


def _length(data: Any) -> int:
    return len(json.dumps(data, ensure_ascii=False))


def _fitting(items: list[Any], most: int) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        most -= _length(item) + 2
        if most < 0:
            break
        kept.append(item)
    return kept


def _cut(value: Any, limit: int, name: str, cut: set[str], *, is_page: bool = False) -> Any:
    match value:
        case str() if len(value) > limit:
            cut.add(name)
            half = limit // 2
            return f"{value[:half]} […{len(value) - 2 * half} characters left out…] {value[-half:]}"
        case list():
            kept = value if is_page else value[:MOST_ITEMS]
            if len(kept) < len(value):
                cut.add(name)
            return [_cut(each, limit, name, cut) for each in kept]
        case dict():
            return {key: _cut(each, limit, key, cut) for key, each in value.items()}
        case _:
            return value


def _said(cut: set[str], limit: int) -> list[str]:
    if not cut:
        return []
    names = ", ".join(sorted(cut))
    said = f"Cut: texts to {limit} characters, lists within items to {MOST_ITEMS} ({names})."
    return [f"{said} Read one item alone to see more of it; the HTTP API has all of it."]

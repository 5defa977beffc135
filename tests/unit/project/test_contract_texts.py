"""The text of an error is asserted as a literal in one test file: a change of wording is a change of one test. Other
tests compare with the error that the code makes, or check its kind, status or fields."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

MAKERS = {"EdgeError", "bad_request", "conflict", "invalid", "BadKeyError", "UrlRefusedError"}
"""What takes a text that the caller of an operation reads."""

FIXED = re.compile(r"\S(?=.* ).{10,}\S")
"""A fixed part that tells a text from others: short ones stand elsewhere, too. Names of fields have no space."""

APART = ("tests/toy_family/", str(Path(__file__).relative_to(ROOT)))
"""Tests of another project, and the example below."""

EXAMPLES = "description.py"
"""Modules that show errors in the API document and raise none."""

CODE = """
WEAK = "is shorter than eight"

def check(secret, limit):
    if len(secret) < 8:
        raise invalid("secret", WEAK)
    details = {}
    details["limit"] = [f"must not exceed {limit} units"]
    raise EdgeError(Kind.VALIDATION_FAILED, "refused", details)
"""


def strings(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and fixed parts of each string; an f-string is one."""
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, tuple(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, (node.value,)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):  # no docstrings
            yield from strings(ast.iter_child_nodes(node))


def names_in(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def texts_of(code: str) -> set[tuple[str, ...]]:
    """The texts that a module gives to errors, themselves or by a name that it assigns, and those of ``details``."""
    nodes = list(ast.walk(ast.parse(code)))
    calls = [node for node in nodes if isinstance(node, ast.Call) and names_in(node.func) & MAKERS]
    names = {"details"}.union(*(names_in(call) for call in calls))
    assigned = [
        node.value
        for node in nodes
        if isinstance(node, ast.Assign) and any(names_in(target) & names for target in node.targets)
    ]
    return {parts for _, parts in strings([*calls, *assigned]) if any(map(FIXED.search, parts))}


def repeated(sources: Iterable[str], tests: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Where each text stands that more than one file of tests has."""
    texts = {"…".join(parts): parts for code in sources for parts in texts_of(code)}
    patterns = {text: re.compile(".+".join(map(re.escape, parts)), re.DOTALL) for text, parts in texts.items()}
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for path, code in tests:
        said = list(strings([ast.parse(code)]))
        whole = "\n".join("…".join(parts) for _, parts in said)
        near = {text: pattern for text, pattern in patterns.items() if all(part in whole for part in texts[text])}
        for line, parts in said:
            for text, pattern in near.items():
                if pattern.search("…".join(parts)):
                    places[text].setdefault(path, f"{path}:{line}")
    return {text: list(found.values()) for text, found in sorted(places.items()) if len(found) > 1}


def test_text_of_an_error_is_asserted_in_one_file():
    sources = [path.read_text() for path in (ROOT / "chalicelib").rglob("*.py") if path.name != EXAMPLES]
    paths = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py"))
    tests = [(path, (ROOT / path).read_text()) for path in paths if not path.startswith(APART)]

    assert repeated(sources, tests) == {}


def test_text_asserted_in_two_files_is_found_with_file_and_line():
    one = 'def test():\n    "is shorter than eight"\n    assert said == "must not exceed 3 units"\n'
    two = 'def test():\n    assert said == ["is shorter than eight"]\n    said = f"must not exceed {n} units"\n'

    assert repeated([CODE], [("one.py", one)]) == repeated([CODE], [("two.py", two)]) == {}
    assert repeated([CODE], [("one.py", one), ("two.py", two)]) == {
        "must not exceed … units": ["one.py:3", "two.py:3"],
    }
    assert repeated([CODE], [("two.py", two), ("three.py", two)]).keys() == {
        "is shorter than eight",
        "must not exceed … units",
    }

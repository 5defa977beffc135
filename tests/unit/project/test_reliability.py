"""docs/reliability.md names tests that are there, one at least for each weakness."""

import ast
import re

from infra.package import ROOT

DOCUMENT = (ROOT / "docs" / "reliability.md").read_text()
NAMED = re.compile(r"`([\w./-]+\.py)::([\w:]+)`")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ROWS = [
    line for line in DOCUMENT.splitlines() if line.startswith("| ") and not line.startswith(("| weakness ", "| --- "))
]


def ids_in(name):
    """The tests of a file as pytest names them, ``test`` or ``Class::test``; none where there is no such file."""
    path = ROOT / name
    body = ast.parse(path.read_text()).body if path.is_file() else []
    classes = [each for each in body if isinstance(each, ast.ClassDef)]
    named = [("", body), *((f"{each.name}::", each.body) for each in classes)]
    functions = [(prefix, each) for prefix, inner in named for each in inner if isinstance(each, FUNCTIONS)]
    return {prefix + each.name for prefix, each in functions if each.name.startswith("test_")}


def test_each_documented_weakness_names_an_existing_test():
    assert ROWS
    assert [row for row in ROWS if not NAMED.search(row)] == []
    assert [(file, test) for file, test in NAMED.findall(DOCUMENT) if test not in ids_in(file)] == []

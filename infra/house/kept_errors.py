"""Exceptions are made where they are raised.

Python adds to the traceback of an exception at each raise. One that a module keeps grows with every request, and keeps
the local values of all of them alive.
"""

import ast
from collections.abc import Iterator

from infra.house.findings import Finding
from infra.house.sources import Source

_ERRORS = "chalicelib.kit.errors."
_TEXTS = frozenset({"at_most_bytes", "at_most_characters"})
"""Functions of that module that make no exception."""


def find(source: Source) -> Iterator[Finding]:
    """An assignment outside functions whose value is an exception."""
    makers = {each.name for each in source.nodes(ast.FunctionDef) if _is_named_so(each.returns)}
    for statement in _outside_functions(source.tree):
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or not isinstance(statement.value, ast.Call):
            continue
        made = statement.value.func
        full = source.full_name(made) or ""
        helps = full.startswith(_ERRORS) and full.removeprefix(_ERRORS) not in _TEXTS
        if helps or _is_named_so(made) or (isinstance(made, ast.Name) and made.id in makers):
            wrong = f"{ast.unparse(statement.value)[:60]} is kept"
            yield Finding(source.path, statement.lineno, "kept-error", wrong, "make a function that returns it")


def _is_named_so(node: ast.expr | None) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.endswith(("Error", "Exception"))


def _outside_functions(node: ast.Module | ast.ClassDef) -> Iterator[ast.stmt]:
    for statement in node.body:
        yield statement
        if isinstance(statement, ast.ClassDef):
            yield from _outside_functions(statement)

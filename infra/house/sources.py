"""Python files as the rules read them: parsed once, with the prose in them and the full names of what they import."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from infra.house.prose import Prose

_Node = TypeVar("_Node", bound=ast.AST)

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_PUBLISHED = ("description", "summary")
_TRAILING_COMMENT = re.compile(r"  #[ !:]")
_PRAGMA = re.compile(r"#\s*(noqa|type:|pragma|ruff:|mypy:|fmt:|!).*")


@dataclass(frozen=True)
class Source:
    """One Python file. ``path`` is relative to the repository's root."""

    path: str
    text: str

    @cached_property
    def rows(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def _by_type(self) -> dict[type[ast.AST], list[ast.AST]]:
        found = defaultdict(list)
        for node in ast.walk(self.tree):
            found[type(node)].append(node)
        return found

    def nodes(self, kind: type[_Node]) -> list[_Node]:
        """All nodes of exactly this type."""
        return self._by_type.get(kind, [])  # type: ignore[return-value]

    @cached_property
    def imported(self) -> dict[str, str]:
        """Full name by local name: ``from time import time as t`` gives ``{"t": "time.time"}``."""
        names = {}
        for node in self.nodes(ast.Import):
            for each in node.names:
                first = each.name.partition(".")[0]
                names[each.asname or first] = each.name if each.asname else first
        for origin in self.nodes(ast.ImportFrom):
            names |= {each.asname or each.name: f"{origin.module or ''}.{each.name}" for each in origin.names}
        return names

    def full_name(self, node: ast.expr) -> str | None:
        """The full name of an expression that starts at an import: ``datetime.datetime.now``; None for any other."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.imported:
            return None
        return ".".join([self.imported[node.id], *reversed(parts)])

    @cached_property
    def prose(self) -> list[Prose]:
        """Everything that people read: docstrings, comments, descriptions."""
        return [*self._docstrings(self.tree, ()), *self._comments(), *self._descriptions()]

    def _docstrings(self, node: ast.AST, names: tuple[str, ...]) -> Iterator[Prose]:
        """The docstrings of a node and its parts. A string below an assignment is the docstring of its first target."""
        body: list[ast.stmt] = getattr(node, "body", [])
        if isinstance(node, _DOCUMENTED) and body and (text := _as_docstring(body[0])):
            yield Prose(str(text.value), text.lineno, names)
        for before, statement in pairwise(body):
            if (target := _target(before)) and (text := _as_docstring(statement)):
                yield Prose(str(text.value), text.lineno, (target, *names))
        for statement in body:
            if isinstance(statement, _DOCUMENTED[1:]):
                yield from self._docstrings(statement, (statement.name, *names))

    def _comments(self) -> Iterator[Prose]:
        """Comment lines that follow each other make one text."""
        block: list[str] = []
        for number, row in enumerate(self.rows):
            comment = self._comment_of(number, row)
            continues = row.lstrip().startswith("#")
            if block and not (continues and comment is not None):
                yield Prose("\n".join(block), number + 1 - len(block), is_comment=True)
                block = []
            if comment is None or _PRAGMA.fullmatch(comment):
                continue
            if continues:
                block.append(comment.lstrip("# "))
            else:
                yield Prose(comment.lstrip("# "), number + 1, is_comment=True)
        if block:
            yield Prose("\n".join(block), len(self.rows) + 1 - len(block), is_comment=True)

    def _comment_of(self, number: int, row: str) -> str | None:
        """The comment of a row, found by the formatter's style: alone in its row, or behind two spaces."""
        if "#" not in row:
            return None
        if row.lstrip().startswith("#"):
            start = row.index("#")
        elif found := _TRAILING_COMMENT.search(row):
            start = found.start() + 2
        else:
            return None
        column = len(row[:start].encode())
        inside = any(first <= (number + 1, column) < last for first, last in self._strings)
        return None if inside else row[start:]

    @cached_property
    def _strings(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """The first and last position of every string: line from 1, column in bytes."""
        strings = [each for each in self.nodes(ast.Constant) if isinstance(each.value, str)]
        return [
            ((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0))
            for each in [*strings, *self.nodes(ast.JoinedStr)]
        ]

    def _descriptions(self) -> Iterator[Prose]:
        """The texts that a call publishes: ``Field(description="...")``, ``route(summary="...")``."""
        for call in self.nodes(ast.Call):
            for keyword in call.keywords:
                value = keyword.value
                if keyword.arg in _PUBLISHED and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield Prose(value.value, value.lineno)


def _as_docstring(statement: ast.stmt) -> ast.Constant | None:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _target(statement: ast.stmt) -> str | None:
    """The name that an assignment gives a value to."""
    if isinstance(statement, ast.AnnAssign):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign):
        target = statement.targets[0]
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def read(root: Path, folders: tuple[str, ...]) -> list[Source]:
    """Every Python file of these folders, sorted by path. A folder may also be the path of a file."""
    paths = {path for folder in folders for path in [root / folder, *(root / folder).rglob("*.py")] if path.is_file()}
    return [
        Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(paths)
        if "__pycache__" not in path.parts
    ]

"""Views for operators pass the reach of their caller on to everything that they call of the fleet."""

import ast
import inspect
import textwrap
from functools import reduce
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_type_hints

import pytest

from chalicelib.fleet import wiring
from chalicelib.fleet.api import operator
from chalicelib.fleet.reach import Reach
from chalicelib.platform.access.principal import Scope
from chalicelib.web.operation_table import every_operation

MODULES = [import_module(f"{operator.__name__}.{one.name}") for one in iter_modules(operator.__path__)]

VIEWS = [
    row
    for row in every_operation()
    if row.scope is Scope.REACH and row.endpoint.view.__module__ in {module.__name__ for module in MODULES}
]

NEEDS_NO_REACH = {
    "clusters.create": "a new cluster is within no reach: restricted keys are refused",
    "enrollment.create_public": "open to anyone",
    "distribution.has": "the versions of the agent are the same for all",
    "enrollment.reveal": "takes a key that was read",
    "nodes.vault.open": "takes a node that was read",
    "nodes.reading.summaries": "takes clusters that were read",
}
"""Use cases that show or change nothing which the caller does not reach, and why."""


def calls_in(source):
    """The dotted names behind ``services.`` that are called, each with the text of its argument ``reach``."""
    for node in ast.walk(ast.parse(textwrap.dedent(source))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name = ast.unparse(node.func)
        if name.startswith("services.") and "(" not in name and not name.startswith("services.platform."):
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            yield name.removeprefix("services."), given.get("reach")


def use_case(name):
    """The function behind a dotted name of the fleet's container, found by the types of its parts."""
    *parts, method = name.split(".")
    return getattr(reduce(type_of, parts, wiring.Fleet), method)


def type_of(container: Any, part: str) -> Any:
    found = inspect.getattr_static(container, part, None)
    if found is None:  # an attribute that its __init__ sets
        made = ast.parse(textwrap.dedent(inspect.getsource(container.__init__)))
        (call,) = [
            node.value.func.id
            for node in ast.walk(made)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == f"self.{part}"
        ]
        return getattr(inspect.getmodule(container), call)
    module = inspect.getmodule(container)
    names = {**vars(module), **imported_for_types(module)}
    return get_type_hints(found.func, names)["return"]


def imported_for_types(module):
    """What the module imports for the type checker only."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return {
                alias.name: getattr(import_module(one.module), alias.name)
                for one in node.body
                if isinstance(one, ast.ImportFrom) and one.module is not None
                for alias in one.names
            }
    return {}


def called_by_operators():
    """What is called in the modules of these views."""
    modules = {inspect.getmodule(row.endpoint.view) for row in VIEWS}
    return sorted({name for module in modules for name, _ in calls_in(inspect.getsource(module))})


REACHED = [
    name
    for name in called_by_operators()
    if name.split(".")[0] in {"aliases", "clusters", "commands", "enrollment", "nodes", "ssh", "updates"}
    or name.startswith(("metrics.nodes.", "metrics.discovery."))
]


@pytest.mark.parametrize("name", [name for name in REACHED if name not in NEEDS_NO_REACH])
def test_use_case_that_operators_call_takes_a_reach_without_a_default(name):
    parameter = inspect.signature(use_case(name)).parameters.get("reach")
    assert parameter is not None
    assert parameter.annotation is Reach
    assert parameter.default is inspect.Parameter.empty


@pytest.mark.parametrize("row", VIEWS, ids=str)
def test_view_passes_the_reach_of_its_caller_on(row):
    view = inspect.getsource(row.endpoint.view)
    module = inspect.getsource(inspect.getmodule(row.endpoint.view))
    assert "reach_of(request.principal)" in view or "request, " in view
    given = {reach for name, reach in calls_in(view) if name not in NEEDS_NO_REACH}
    assert given <= {"reach", "reach_of(request.principal)"}
    assert "EVERYWHERE" not in module

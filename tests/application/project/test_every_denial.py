"""A policy that denies an operation on a thing holds by whatever text a request names the thing: of every operation."""

from functools import cached_property

import pytest

from chalicelib import families
from chalicelib.kit.ids import is_id
from chalicelib.platform.access.principal import Scope
from chalicelib.web.operation_table import every_operation
from tests.support.denying import denying
from tests.support.operations import operations_of

ROWS = [row for row in every_operation() if row.permission is not None and row.scope is not Scope.INSTALLATION]
"""What a caller with policies may do: the rest is the operator's, to whom no policy applies."""

FAMILIES = [pytest.param(name, marks=pytest.mark.slow if name == "fleet" else ()) for name in families.NAMES]
"""The fleet's paths have ids alone, which are decided before anything is read: slow for what it finds."""

FORBIDDEN, REFUSALS = 403, frozenset({400, 403, 404})

PARTS = {
    ("remove_route", "route_id"),
    ("remove_route_by_query", "route_id"),
    ("remove_lifecycle_rule", "rule_id"),
    ("revoke_account_secret", "secret_id"),
    ("get_log_export", "taskId"),
}
"""Parts of a thing, by view and name: a policy names the thing."""


class Asked:
    """An operation in a scene that has what it needs."""

    def __init__(self, row):
        operations = operations_of(row.family)
        self.row = row
        self.scene = operations.scene()
        self.options = {**operations.prepared[row.api][row.id](self.scene)}
        self.variables = {**self.scene.variables, **self.options.pop("variables", {})}
        if row.endpoint.has_body and not row.endpoint.takes_bytes and row.family == "cloud":
            self.options.setdefault("json", self.scene.bodies.get(row.id))

    @cached_property
    def ids(self):
        """The ids of things in its path, query and body."""
        in_path = {name: self.variables[name] for name in self.row.endpoint.path.model_fields}
        sent = [in_path, self.options.get("query"), self.options.get("json")]
        texts = {text for each in sent for name, text in named_in(each) if (self.row.id, name) not in PARTS}
        return sorted(filter(is_id, texts))

    def names_of(self, thing_id):
        """The names in the rows of a thing."""
        things = [row for row in self._rows if str(row.get("id")).rpartition("|")[2] == thing_id]
        return {str(row["name"]) for row in things if row.get("name")}

    @cached_property
    def _rows(self):
        return [row for rows in self.scene.world.state()["rows"].values() for row in rows]

    def status(self, told, instead, denied):
        """The status of the answer to a caller whom a policy denies it on a resource. The request has another text in
        the place of one."""
        options, variables = swapped(self.options, told, instead), swapped(self.variables, told, instead)
        with denying(self.scene.world, self.row.permission.name, denied):
            return self.scene.request(self.row.id, variables=variables, **options).status


def named_in(value, name=""):
    """Every text in a JSON value, with the name that it has."""
    if isinstance(value, str):
        return [(name, value)]
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in named_in(each, key)]
    return [found for each in value for found in named_in(each, name)] if isinstance(value, (list, tuple)) else []


def swapped(value, told, instead):
    """The value with another text in the place of one."""
    if isinstance(value, dict):
        return {key: swapped(each, told, instead) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [swapped(each, told, instead) for each in value]
    return instead if value == told else value


@pytest.mark.parametrize("family", FAMILIES)
def test_no_text_of_a_denied_thing_reaches_it_in_any_operation(family):
    reached = []
    for row in ROWS:
        asked = Asked(row) if row.family == family else None
        for thing_id in asked.ids if asked else ():
            texts = {thing_id.upper(), thing_id[:-1], *asked.names_of(thing_id)}
            statuses = {text: asked.status(thing_id, text, thing_id) for text in texts}
            reached += [(row.id, text) for text, status in statuses.items() if status not in REFUSALS]
            if asked.status(thing_id, thing_id, thing_id) != FORBIDDEN:
                reached.append((row.id, thing_id))
    assert reached == []

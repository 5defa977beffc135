"""The changes that a deployment will make to a stack, read from a change set or, for a new stack, from its template."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class Kind(StrEnum):
    """The effect of a deployment on the stack."""

    CREATE = "create"
    UPDATE = "update"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Resource:
    """The change of one resource: ``add``, ``import`` (it exists, and is taken into the stack), ``modify``, ``remove``,
    ``replace``, or ``may replace`` if only the update will show. ``properties`` names the modified properties, as far
    as CloudFormation reports them."""

    action: str
    name: str
    type: str
    properties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """The change of a stack. An update executes ``change_set``, a creation sends ``request``. ``parameters`` are those
    that change, with the values before ("" for none) and after."""

    stack: str
    kind: Kind
    resources: tuple[Resource, ...] = ()
    parameters: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    change_set: str = ""
    request: Json = field(default_factory=dict)


def from_change_set(changes: Iterable[Json]) -> tuple[Resource, ...]:
    """The resources of ``describe_change_set``."""
    return tuple(_resource(each["ResourceChange"]) for each in changes if "ResourceChange" in each)


def from_template(template: Json) -> tuple[Resource, ...]:
    """The resources of a stack that does not exist yet."""
    return tuple(Resource("add", name, each["Type"]) for name, each in template["Resources"].items())


def changed_parameters(
    template: Json, before: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """The old and new values of the parameters that change. A parameter that is not given keeps its value, or gets its
    default."""
    changed = {}
    for name, declared in template.get("Parameters", {}).items():
        old = before.get(name, "")
        new = given.get(name, before.get(name, str(declared.get("Default", ""))))
        if declared.get("NoEcho"):
            old, new = ("(not shown)" if value else "" for value in (old, new))
        if old != new:
            changed[name] = (old, new)
    return changed


def _resource(change: Json) -> Resource:
    replacement = {"True": "replace", "Conditional": "may replace"}.get(change.get("Replacement", ""))
    action = replacement if replacement and change["Action"] == "Modify" else change["Action"].lower()
    targets = (detail.get("Target", {}) for detail in change.get("Details", ()))
    properties = {target.get("Name") or target.get("Attribute", "") for target in targets}
    return Resource(action, change["LogicalResourceId"], change["ResourceType"], tuple(sorted(properties - {""})))

"""The tools of an API as they are packaged, and the choice of those that a caller may use."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.principal import Principal, Resource, Scope, decide


@dataclass(frozen=True, kw_only=True, eq=False)
class Tool:
    """``shown`` is what clients see. ``module``, ``method`` and ``route`` lead to the operation; ``path``, ``query``
    and ``body`` are its fields by the names of the arguments. ``permission`` and ``role`` are "" where the operation is
    decided by none."""

    shown: Mapping[str, Any]
    module: str
    method: str
    route: str
    audience: str
    permission: str
    role: str
    scope: str
    changes: bool
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, str]
    has_body: bool

    @property
    def arguments(self) -> Mapping[str, Mapping[str, Any]]:
        """The schemas of its arguments by their names."""
        properties: Mapping[str, Mapping[str, Any]] = self.shown["inputSchema"]["properties"]
        return properties

    def allows(self, principal: Principal) -> bool:
        """Whether the operation would admit the principal, as far as that does not depend on the request."""
        if not self.permission:
            return True
        permission = Permission(self.permission, KeyRole(self.role))
        return decide(principal, permission, Resource("", Scope(self.scope)), {}).is_allowed


@cache
def tools_in(file: Path) -> Mapping[str, Tool]:
    """The tools of a packaged file, by their names."""
    listed = json.loads(file.read_text(encoding="utf-8"))
    return {one["shown"]["name"]: Tool(shown=one["shown"], **one["operation"]) for one in listed}

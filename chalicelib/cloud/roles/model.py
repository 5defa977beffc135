"""The models of roles and policies."""

import json
from typing import Any

from pydantic import BaseModel

from chalicelib.platform.access.policy_rules import Effect, Statement


class Role(BaseModel, frozen=True):
    """A role of a tenant. ``permissions`` are names, or ``*`` for all. Those that every tenant has are not stored:
    their ``id`` is their name. Times are seconds text."""

    id: str
    name: str
    description: str = ""
    permissions: tuple[str, ...] = ()
    inserted_at: str = ""
    updated_at: str = ""
    version: int = 0


class PolicyStatement(BaseModel, frozen=True):
    """A statement of a policy, as it was sent."""

    sid: str | None = None
    effect: Effect
    action: tuple[str, ...]
    resource: tuple[str, ...]
    condition: dict[str, dict[str, Any]] = {}

    def evaluable(self) -> Statement:
        """The statement as `decide` takes it."""
        return Statement(self.effect, self.action, self.resource, self.condition)


class Policy(BaseModel, frozen=True):
    """A policy of a tenant. Times are seconds text."""

    id: str
    name: str
    description: str = ""
    statements: tuple[PolicyStatement, ...]
    inserted_at: str
    updated_at: str
    version: int = 0

    def text(self) -> str:
        """Its statements as JSON: conditions hold values of any kind, which attributes of rows cannot."""
        return json.dumps([one.model_dump(mode="json") for one in self.statements], separators=(",", ":"))

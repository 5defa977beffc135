"""Prints the plan of a deployment and asks for confirmation."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from infra.changes import Change, Kind, Resource
from infra.deployment.account import RefusedError

_SIGNS = {"add": "+", "import": "=", "modify": "~", "remove": "-", "replace": "!", "may replace": "?"}
_SHOWN_WHOLE = frozenset({"import", "remove", "replace", "may replace"})
_STATEFUL = (
    "AWS::DynamoDB::",
    "AWS::SQS::",
    "AWS::KMS::",
    "AWS::SecretsManager::",
    "AWS::S3::",
    "AWS::Events::EventBus",
)
_ADDRESSES = frozenset({"AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"})
_AT_MOST = 12
"""The maximum of unremarkable resources that are listed by name for one kind of change."""


def described(change: Change) -> list[str]:
    """The lines of the plan about one stack."""
    lines = [f"Stack {change.stack}: {_VERBS[change.kind]}"]
    lines += [f"    {name}: {_quoted(old)} -> {_quoted(new)}" for name, (old, new) in sorted(change.parameters.items())]
    counts = Counter(resource.action for resource in change.resources)
    for action, sign in _SIGNS.items():
        if not counts[action]:
            continue
        lines.append(f"  {sign} {action}: {counts[action]}")
        named = [each for each in change.resources if each.action == action]
        if change.kind is Kind.UPDATE and (action in _SHOWN_WHOLE or len(named) <= _AT_MOST):
            lines += [f"      {_line(each)}" for each in named]
    return lines


_VERBS = {Kind.CREATE: "is created", Kind.UPDATE: "is updated", Kind.NOTHING: "stays as it is"}


def dangers(changes: Iterable[Change]) -> list[str]:
    """The dangerous changes of a plan: data that leaves the stack, is replaced, or was there before it, and APIs that
    get another address."""
    return [
        f"{resource.name} ({resource.type}): {resource.action}"
        for change in changes
        for resource in change.resources
        if _is_danger(resource)
    ]


def _is_danger(resource: Resource) -> bool:
    """An API that "may be replaced" does not count: only the update of its functions shows whether its definition
    changes."""
    if resource.type.startswith(_STATEFUL):
        return resource.action in _SHOWN_WHOLE
    return resource.type in _ADDRESSES and resource.action in {"replace", "remove"}


@dataclass(frozen=True)
class Console:
    """Shows a deployment and asks for confirmation. ``ask`` returns the line that a person typed."""

    environment: Mapping[str, str]
    out: TextIO = sys.stdout
    is_terminal: Callable[[], bool] = sys.stdin.isatty
    ask: Callable[[str], str] = input

    @property
    def rolls_back(self) -> bool:
        return self.environment.get("ROLL_BACK") == "1"

    def tell(self, lines: Sequence[str]) -> None:
        print("\n".join(lines), file=self.out, flush=True)

    def confirms(self) -> bool:
        """Whether to go on: yes with YES=1, otherwise as the person at the terminal answers; a closed terminal means
        no. Raises `RefusedError` without YES=1 and without a terminal.
        """
        if self.environment.get("YES") == "1":
            return True
        if not self.is_terminal():
            raise RefusedError("nothing was changed: there is no terminal to ask on. YES=1 goes on without asking")
        try:
            return self.ask("Go on? [y/N] ").strip().lower() in {"y", "yes"}
        except EOFError:
            return False


def _line(resource: Resource) -> str:
    properties = f": {', '.join(resource.properties)}" if resource.properties else ""
    return f"{resource.name} ({resource.type}){properties}"


def _quoted(value: str) -> str:
    return f'"{value}"'

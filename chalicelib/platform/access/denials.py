"""A policy that denies an action on a thing holds by whatever text a request names the thing.

`decide` is asked before anything is read, about the text in the path. That may be a name, the beginning of an id or
the id of a part, and bodies name things too. So a thing that has been found for a request (`kit.finding`) is looked at
once more, by its own id and names.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.finding import checking
from chalicelib.platform.access.permissions import Permission
from chalicelib.platform.access.policy_rules import denied_resources, matches
from chalicelib.platform.access.principal import Facts, Principal, denies, names_of, values_of


def holding_denials(principal: Principal, action: Permission, facts: Facts) -> AbstractContextManager[None]:
    """The block in which each thing that is found is refused if the principal's policies deny it the action on that:
    `EdgeError` (forbidden)."""
    patterns = denied_resources(principal.statements, action.name, values_of(principal, facts))

    def check(texts: Sequence[str]) -> None:
        names = {name for text in texts for name in names_of(action.name, principal.tenant, text)}
        if any(matches(pattern, name) for pattern in patterns for name in names):
            raise EdgeError(Kind.FORBIDDEN, denies(action.name).refusal)

    return checking(check) if patterns else nullcontext()

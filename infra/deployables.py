"""The stacks of a stage, made from the families' values.

The platform and the family that stands first share the core's stacks. Each other family has an application stack of its
own and, where it has tables or queues, a stateful one. A further stack is the core's application again, elsewhere.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chalicelib import families
from chalicelib.kit.queues import Queue
from chalicelib.kit.tables import Table
from chalicelib.platform.buckets import Bucket
from chalicelib.platform.bus_rules import ProviderEvents, Subscription
from chalicelib.platform.context import Family, Grants, Role, StreamSource
from chalicelib.platform.families import Families
from chalicelib.platform.family import FAMILY as PLATFORM
from infra.functions import FAMILIES, LambdaFunction, functions_in
from infra.grants import grants_in, is_in_a_loop

NAME_PATTERN = "[a-z][a-z0-9]{1,15}"
"""The name of a family: part of the names of its stacks, its API and its log groups."""

TAKEN = frozenset({"state", "admin", "platform"})
"""Names that a family cannot have: stacks of the core and of further stacks end or continue so."""

FAMILIES_OUTPUT = "Families"
"""The output of an application's stack with the families that the stage was meant to have, separated by commas."""


class StackKind(StrEnum):
    """The kinds of application stacks."""

    CORE = "core"
    FURTHER = "further"
    FAMILY = "family"


@dataclass(frozen=True)
class Deployable:
    """An application stack. ``family`` is the family whose API it serves, ``own`` are those whose functions it has and
    whose tables and queues stand in the stateful stack below it, ``every`` are all that are deployed in the stage, with
    the platform first."""

    kind: StackKind
    family: Family
    own: tuple[Family, ...]
    every: tuple[Family, ...]

    @property
    def is_core(self) -> bool:
        return self.kind is StackKind.CORE

    @property
    def suffix(self) -> str:
        """The end of the names of its stack and its API."""
        return {StackKind.CORE: "", StackKind.FURTHER: "-admin-${Name}", StackKind.FAMILY: f"-{self.family.name}"}[
            self.kind
        ]

    @property
    def folder(self) -> str:
        """The folder below the build's that its templates are written to."""
        return self.family.name if self.kind is StackKind.FAMILY else ""

    @property
    def log_folder(self) -> str:
        """The part of its log groups' names between the stage and the function."""
        return {StackKind.CORE: "", StackKind.FURTHER: "/admin-${Name}", StackKind.FAMILY: f"/{self.family.name}"}[
            self.kind
        ]

    @property
    def functions(self) -> tuple[LambdaFunction, ...]:
        """A family that has streams reads them with a relay of its own."""
        own = functions_in(self.own)
        if self.kind is StackKind.FAMILY:
            relay = [each for each in functions_in([PLATFORM]) if isinstance(each.source, StreamSource)]
            return (*own, *(relay if self.streams else ()))
        return tuple(each for each in own if Role(self.kind) in each.roles)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of the stateful stack below it."""
        return Families(self.own).tables

    @property
    def queues(self) -> tuple[Queue, ...]:
        """The queues of the stateful stack below it."""
        return Families(self.own).queues

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The buckets of the stateful stack below it."""
        return tuple(each for context in Families(self.own).contexts for each in context.buckets)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """The internal events that go into queues of the stateful stack."""
        return tuple(each for context in Families(self.own).contexts for each in context.subscriptions)

    @property
    def provider_events(self) -> tuple[ProviderEvents, ...]:
        """The events of AWS services that go into queues of the stateful stack."""
        return tuple(each for context in Families(self.own).contexts for each in context.provider_events)

    @property
    def streams(self) -> tuple[Table, ...]:
        """The tables whose streams it reads."""
        return () if self.kind is StackKind.FURTHER else tuple(table for table in self.tables if table.stream)

    @property
    def has_state(self) -> bool:
        """Whether a stateful stack comes with it; a further stack shares the core's."""
        return self.kind is not StackKind.FURTHER and bool(self.tables or self.queues)

    @property
    def all_functions(self) -> tuple[LambdaFunction, ...]:
        """Every function that is deployed in the stage."""
        return functions_in(self.every)

    @property
    def all_tables(self) -> dict[str, Table]:
        """Every table that is deployed in the stage, by name."""
        return {table.name: table for table in Families(self.every).tables}

    def grants(self, function: LambdaFunction) -> Grants:
        """The grants of one of its functions. Workers of the core serve all families; relays and workers of a family
        serve that family alone. Behind the API of a family stand the guests of all."""
        if self.kind is StackKind.FAMILY:
            hosts = [each for each in self.every if each.guests and each not in self.own]
            return grants_in((PLATFORM, *self.own, *hosts), function.name)
        return grants_in(self.own if isinstance(function.source, StreamSource) else self.every, function.name)

    def is_in_a_loop(self, function: LambdaFunction) -> bool:
        """Whether a message that starts the function can lead, through queues of the stage alone, to its being started
        again."""
        return is_in_a_loop(function, self.every)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the families that are deployed in the stage."""
        return tuple(each.name for each in self.every if each is not PLATFORM)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that tell the code which families it serves; unset variables stand for the project's own."""
        by_default = tuple(each.name for each in families.chosen(""))
        variables = {} if self.names == by_default else {families.CHOSEN: ",".join(self.names)}
        return variables | ({families.SERVED: self.family.name} if self.kind is StackKind.FAMILY else {})


def deployables(chosen: Iterable[Family] | None = None) -> tuple[Deployable, ...]:
    """The stacks of a stage with these families (None: those that are there by default): the core's first, then one for
    each other family. The families of the core are always among them. Raises ValueError for a family whose name stacks
    cannot have."""
    first = FAMILIES[1]
    named = families.chosen("") if chosen is None else chosen
    others = [each for each in named if each not in (PLATFORM, first)]
    for each in others:
        check_family(each)
    core = (PLATFORM, first)
    every = (*core, *others)
    return (
        Deployable(StackKind.CORE, first, core, every),
        *(Deployable(StackKind.FAMILY, each, (each,), every) for each in others),
    )


def further_of(core: Deployable) -> Deployable:
    """A further stack beside that core."""
    return Deployable(StackKind.FURTHER, core.family, core.own, core.every)


def chosen(names: str, deployed: Sequence[str] = ()) -> tuple[Deployable, ...]:
    """The stacks for families that a deployer names, separated by commas (none: those that are there by default), with
    those that they need and those that are ``deployed`` already. Raises ValueError for an unknown name."""
    named = names if names.strip(", ") else ",".join(each.name for each in families.chosen(""))
    wanted = ",".join((named, *deployed))
    try:
        return deployables(families.chosen(wanted))
    except LookupError as error:
        raise ValueError(f"FAMILIES: {error.args[0]}") from None


def check_family(family: Family) -> None:
    """Raises ValueError for a name that no family can have."""
    if not re.fullmatch(NAME_PATTERN, family.name) or family.name in TAKEN:
        raise ValueError(f"a family's name has to match {NAME_PATTERN} and be none of {', '.join(sorted(TAKEN))}")


CORE = deployables()[0]
FURTHER = further_of(CORE)
EVERY = deployables(FAMILIES)
"""The stacks of a stage with every family of this project."""

"""The permissions of each function: all that the contexts grant it. `infra.policies` makes the roles' policies of them.

A missing grant fails the end-to-end run (the local cloud checks policies as AWS does); an unused grant fails the test
that compares the calls of that run with the grants.
"""

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.kit.queues import Queue
from chalicelib.platform.buckets import Bucket
from chalicelib.platform.context import Family, Grants, QueueSource
from chalicelib.platform.families import Families
from infra.functions import FAMILIES, FUNCTIONS, LambdaFunction, functions_in

_FLAGS = tuple(name for name, each in Grants.__dataclass_fields__.items() if each.type in {bool, "bool"})


def grants_in(every: Iterable[Family], function: str) -> Grants:
    """The grants of the function of that name by the contexts of these families."""
    granted = [each.grants[function] for each in Families(tuple(every)).contexts if function in each.grants]
    tables: dict[str, frozenset[str]] = {}
    for each in granted:
        for name, actions in each.tables.items():
            tables[name] = tables.get(name, frozenset()) | actions
    return Grants(
        tables=tables,
        sends=_union(each.sends for each in granted),
        counts=_union(each.counts for each in granted),
        buckets=_buckets(each.buckets for each in granted),
        empties=_buckets(each.empties for each in granted),
        assembles=_buckets(each.assembles for each in granted),
        **{flag: any(getattr(each, flag) for each in granted) for flag in _FLAGS},
    )


def _union(several: Iterable[Iterable[Queue]]) -> tuple[Queue, ...]:
    """In the order of names, so that another order of contexts changes no policy."""
    return tuple(sorted({queue for queues in several for queue in queues}, key=str))


def _buckets(several: Iterable[Iterable[Bucket]]) -> tuple[Bucket, ...]:
    return tuple(sorted({one for buckets in several for one in buckets}, key=lambda one: one.name))


GRANTS: Mapping[str, Grants] = {each.name: grants_in(FAMILIES, each.name) for each in FUNCTIONS}
"""The grants of every function of the project."""


def is_in_a_loop(function: LambdaFunction, every: Sequence[Family] = FAMILIES) -> bool:
    """Whether a message that starts the function can lead, by way of queues alone, to its being started again.

    Lambda takes such a chain for a mistake after some 16 turns, and stops it, unless the function says otherwise."""
    reached: set[str] = set()
    ahead = _started_by(function, every)
    while ahead:
        reached |= {each.name for each in ahead}
        ahead = [further for each in ahead for further in _started_by(each, every) if further.name not in reached]
    return function.name in reached


def _started_by(function: LambdaFunction, every: Sequence[Family]) -> list[LambdaFunction]:
    """The functions whose queues it sends to."""
    grants = grants_in(every, function.name)
    queues = {*grants.sends, *([COMMAND_DELIVERY] if grants.sends_to_owners else [])}
    workers = [each for each in functions_in(every) if isinstance(each.source, QueueSource)]
    return [each for each in workers if isinstance(each.source, QueueSource) and each.source.queue in queues]

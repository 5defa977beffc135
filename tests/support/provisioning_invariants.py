"""The invariants of resources at rest: when no caller asks for anything more and the provider works."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from chalicelib.platform.provisioning.model import Resource, State, Tagged
from chalicelib.platform.provisioning.store import EXTERNAL_ID

Used = Callable[[str, str], int]
"""A tenant and a quota -> what the counter says."""


Claims = Collection[tuple[str, str, str]]
"""Tenant, claim and holder of every claim."""


def check_rest(
    rows: Sequence[Resource],
    things: Sequence[Tagged],
    used: Used,
    claims: Claims,
    strangers: Collection[str] = (),
) -> None:
    """Raise AssertionError for the first invariant that does not hold. ``things`` are those that are there at the
    provider, ``strangers`` the ids there of those that the test has planted; ``claims`` are those of the rows' kinds.
    """
    every_row_has_come_to_an_end(rows)
    every_thing_has_its_row(rows, [thing for thing in things if thing.external_id not in strangers])
    every_ready_row_has_its_thing(rows, things)
    no_quota_drifts(rows, used)
    no_reference_is_left(rows)
    claims_are_those_of_rows(rows, claims)


def every_row_has_come_to_an_end(rows: Sequence[Resource]) -> None:
    """No row is at work for ever, and each that holds something is looked at again."""
    for row in rows:
        assert not row.is_at_work, f"{row.name} is {row.state} for ever: {row.reason}"
        assert row.state is not State.FAILED or row.reason, f"{row.name} has failed without a reason"
        assert row.is_released or row.due_at is not None, f"{row.name} is never looked at again"


def every_thing_has_its_row(rows: Sequence[Resource], things: Sequence[Tagged]) -> None:
    """Nothing is paid for that no row holds, and no row holds two."""
    holding = {(row.tenant, row.id): row for row in rows if not row.is_released}
    for thing in things:
        row = holding.get((thing.tenant, thing.resource_id))
        assert row is not None, f"{thing.external_id} belongs to no resource"
        assert row.external.get(EXTERNAL_ID) == thing.external_id, f"{row.name} has a second thing"
    assert len({thing.resource_id for thing in things}) == len(things), "a resource has two things"


def every_ready_row_has_its_thing(rows: Sequence[Resource], things: Sequence[Tagged]) -> None:
    there = {thing.external_id for thing in things}
    for row in rows:
        if row.state is State.READY:
            assert row.external.get(EXTERNAL_ID) in there, f"{row.name} is ready and not there"
            assert row.done_generation == row.generation, f"{row.name} is ready and not as it is wanted"


def no_quota_drifts(rows: Sequence[Resource], used: Used) -> None:
    """The counter of each quota equals a recount."""
    held: Counter[tuple[str, str]] = Counter()
    for row in rows:
        held.update({(row.tenant, quota): amount for quota, amount in row.taken.items() if not row.is_released})
    for tenant, quota in {(row.tenant, quota) for row in rows for quota in row.taken}:
        assert used(tenant, quota) == held[(tenant, quota)], f"the quota {quota} of {tenant} has drifted"


def no_reference_is_left(rows: Sequence[Resource]) -> None:
    """Each row counts those that refer to it."""
    referring = Counter((row.tenant, parent) for row in rows if not row.is_released for parent in row.referred)
    for row in rows:
        assert row.references == referring[(row.tenant, row.id)], f"{row.name} counts {row.references} references"


def claims_are_those_of_rows(rows: Sequence[Resource], claims: Claims) -> None:
    """Each row that holds anything has its claims, and there is no other claim."""
    wanted = Counter((row.tenant, claim, row.id) for row in rows if not row.is_released for claim in row.claims)
    assert Counter(claims) == wanted, f"claims have drifted: {Counter(claims)}, not {wanted}"

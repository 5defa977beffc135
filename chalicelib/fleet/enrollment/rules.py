"""Decides whether a key admits a machine. Pure."""

from datetime import datetime

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.enrollment.model import EnrollmentKey, Outcome, Standing
from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import EdgeError, invalid


def decide(
    key: EnrollmentKey | None, cluster: Cluster | None, now: datetime, standing: Standing, *, use_noted: bool
) -> Outcome:
    """The first reason to refuse, in the order of the reference, or verified.

    ``key`` is None when no stored key is the one presented. A machine that had its use asks again because an answer was
    lost; then only the key and its cluster must still be there.
    """
    if key is None or cluster is None or cluster.id != key.cluster_id:
        return Outcome.INVALID_KEY
    if standing.is_blocked:
        return Outcome.NODE_BLOCKED
    if standing.refuses(key.id):
        return Outcome.NODE_REMOVED
    if had_its_use(key, standing, use_noted=use_noted):
        return Outcome.VERIFIED
    if key.expired_at is not None and parse_time(key.expired_at) < now:
        return Outcome.KEY_EXPIRED
    if key.uses_remaining == 0:
        return Outcome.KEY_SPENT
    if cluster.node_limit is not None and cluster.node_count >= cluster.node_limit:
        return Outcome.NODE_LIMIT_REACHED
    return Outcome.VERIFIED


def had_its_use(key: EnrollmentKey, standing: Standing, *, use_noted: bool) -> bool:
    """Whether this machine has taken a use of the key already: it did a short while ago (``use_noted``), or there is
    the node that it made with it, whose token it never used."""
    return use_noted or standing.unused_key_id == key.id


def unusable_token() -> EdgeError:
    """The refusal for a registration token that is missing, unknown, expired or another machine's."""
    return invalid("registration_token", "is invalid or expired")

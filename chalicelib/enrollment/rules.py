"""Whether a key lets a machine in. Pure."""

from datetime import datetime

from chalicelib.clusters.model import Cluster
from chalicelib.enrollment.model import EnrollmentKey, Outcome
from chalicelib.kit.clock import parse_time


def decide(key: EnrollmentKey | None, cluster: Cluster | None, now: datetime, *, had_its_use: bool) -> Outcome:
    """The first reason to refuse, in the order of the reference, or verified.

    ``key`` is None when no stored key is the one presented. ``had_its_use``: this machine took a use of the key a short
    while ago, and asks again because an answer was lost; then only the key and its cluster must still be there.
    """
    if key is None or cluster is None or cluster.id != key.cluster_id:
        return Outcome.INVALID_KEY
    if had_its_use:
        return Outcome.VERIFIED
    if key.expired_at is not None and parse_time(key.expired_at) < now:
        return Outcome.KEY_EXPIRED
    if key.uses_remaining == 0:
        return Outcome.KEY_SPENT
    if cluster.node_limit is not None and cluster.node_count >= cluster.node_limit:
        return Outcome.NODE_LIMIT_REACHED
    return Outcome.VERIFIED

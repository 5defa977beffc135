"""Whether targeting is taken: what is refused because it would reach other machines than its writer means."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import EdgeError, Kind

MOST_NAMED = 10
"""Missing ids or names that one refusal lists; it says how many more there are."""


@dataclass(frozen=True)
class Accepted:
    """Targeting without repetitions, the clusters that it names and its filters leave, and the parts it is worked on
    by."""

    targeting: Targeting
    named: Sequence[Cluster]
    parts: frozenset[str]


def accept(given: Targeting, nodes: NodeReader, clusters: Clusters, *, allow_missing: bool) -> Accepted:
    """Resolve what the targeting names: node ids are read 100 a call, cluster names likewise, consistently.

    Raises `EdgeError` (validation failed) that lists the ids or names that do not exist, unless they may be missing.
    """
    targeting = selection.without_repetitions(given)
    found = selection.clusters_by_name(targeting, clusters)
    if not allow_missing:
        _require_all(targeting, found, nodes)
    named = selection.fitting_clusters(targeting, found)
    return Accepted(targeting, named, selection.parts_of(targeting, named))


def _require_all(targeting: Targeting, found: Sequence[Cluster], nodes: NodeReader) -> None:
    match targeting.type:
        case TargetType.NODES:
            there = {node.id for node in nodes.targets(targeting.node_ids or ())}
            _refuse_missing("node_ids", "node", [row for row in targeting.node_ids or () if row not in there])
        case TargetType.CLUSTERS:
            names = {cluster.name for cluster in found}
            missing = [name for name in targeting.cluster_names or () if name not in names]
            _refuse_missing("cluster_names", "cluster", missing)
        case TargetType.ALL:
            return


def _refuse_missing(field: str, kind: str, missing: Sequence[str]) -> None:
    if not missing:
        return
    texts = [f"there is no {kind} {name!r}" for name in missing[:MOST_NAMED]]
    if len(missing) > MOST_NAMED:
        texts.append(f"and {len(missing) - MOST_NAMED} more")
    texts.append("allow_missing: true passes over what does not exist")
    raise EdgeError(Kind.VALIDATION_FAILED, "Validation failed", {f"targeting/{field}": texts})

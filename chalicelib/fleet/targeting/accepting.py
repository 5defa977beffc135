"""Whether targeting is taken: what is refused because it would reach other machines than its writer means."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.finding import check_found

MOST_NAMED = 10
"""Missing ids or names that one refusal lists; it says how many more there are."""


@dataclass(frozen=True)
class Accepted:
    """Targeting without repetitions, the clusters that it names and its filters leave, and the parts it is worked on
    by."""

    targeting: Targeting
    named: Sequence[Cluster]
    parts: frozenset[str]


def accept(given: Targeting, nodes: NodeReader, clusters: Clusters, *, allow_missing: bool, reach: Reach) -> Accepted:
    """Resolve what the targeting names: node ids are read 100 a call, cluster names likewise, consistently. Nodes
    and clusters out of reach do not exist. With a restricted reach, the type `all` becomes the clusters within it.

    Raises `EdgeError` (validation failed) that lists the ids or names that do not exist, unless they may be missing.
    """
    targeting = _narrowed(selection.without_repetitions(given), clusters, reach)
    found = [row for row in selection.clusters_by_name(targeting, clusters) if reach.includes(row.id)]
    for cluster in found:
        check_found(cluster.id, cluster.name)
    check_found(*targeting.node_ids or ())
    if not allow_missing and given.type is not TargetType.ALL:
        _require_all(targeting, found, nodes, reach)
    named = selection.fitting_clusters(targeting, found)
    return Accepted(targeting, named, selection.parts_of(targeting, named))


def _narrowed(targeting: Targeting, clusters: Clusters, reach: Reach) -> Targeting:
    """The same targeting, of a writer with this reach."""
    if reach.cluster_ids is None:
        return targeting
    within = {"within": tuple(sorted(reach.cluster_ids))}
    if targeting.type is not TargetType.ALL:
        return targeting.model_copy(update=within)
    names = tuple(cluster.name for cluster in clusters.within(reach))
    return targeting.model_copy(update={**within, "type": TargetType.CLUSTERS, "cluster_names": names})


def _require_all(targeting: Targeting, found: Sequence[Cluster], nodes: NodeReader, reach: Reach) -> None:
    match targeting.type:
        case TargetType.NODES:
            read = nodes.targets(targeting.node_ids or ())
            there = {node.id for node in read if reach.includes(node.cluster_id)}
            _refuse_missing("node_ids", "node", [row for row in targeting.node_ids or () if row not in there])
        case TargetType.CLUSTERS:
            names = {cluster.name for cluster in found}
            missing = [name for name in targeting.cluster_names or () if name not in names]
            _refuse_missing("cluster_names", "cluster", missing)
        case TargetType.ALL | TargetType.EXECUTIONS:
            return


def _refuse_missing(field: str, kind: str, missing: Sequence[str]) -> None:
    if not missing:
        return
    texts = [f"there is no {kind} {name!r}" for name in missing[:MOST_NAMED]]
    if len(missing) > MOST_NAMED:
        texts.append(f"and {len(missing) - MOST_NAMED} more")
    texts.append("allow_missing: true passes over what does not exist")
    raise EdgeError(Kind.VALIDATION_FAILED, "Validation failed", {f"targeting/{field}": texts})

"""The filters of lists of nodes and of targeting, and the terms that some of them are read by."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import cast

from chalicelib.fleet import labels
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.searching import Search, names_in
from chalicelib.fleet.nodes.term_store import (
    HOLDS,
    NODE_TERMS,
    beginning_with,
    cluster_term,
    exactly,
    label_term,
    name_term,
    position_of_name,
    shards_of,
)
from chalicelib.fleet.nodes.terms import NAME_CHARACTERS, folded
from chalicelib.kit.listing import (
    ALSO_IN,
    ANY_OF,
    LISTED_AT,
    Choice,
    Field,
    FilterValue,
    Flag,
    IsSet,
    Moment,
    TermSource,
    Text,
    Uuid,
)
from chalicelib.kit.tables import Item, KeyRange


class Labels(Field):
    """A filter by labels, ``env:prod,role:web``: rows that have all of them."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"labels"})

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Callable[[Item], bool]:
        del operator, now
        expected = labels.wanted(str(wanted)).items()
        return lambda item: isinstance(has := item.get("labels"), dict) and expected <= has.items()

    def exact(self, wanted: FilterValue) -> tuple[str, ...] | None:
        return label_pairs(str(wanted))


def label_pairs(wanted: str) -> tuple[str, ...]:
    """The labels of a filter, each as its term has it."""
    return tuple(f"{name}:{value}" for name, value in sorted(labels.wanted(wanted).items()))


OF_ROWS = frozenset({"hostname", "os_name", "architecture", "labels"})
"""Filters by attributes that no index has: the rows are read."""

FIELDS = {
    "id_type": Choice("id_type"),
    "status": Choice("status", offers=ALSO_IN),
    "version": Text("agent_version"),
    "self_update_enabled": Flag("self_update_enabled"),
    "cluster_name": Text("cluster_name"),
    "hostname": Text("hostname"),
    "os_name": Text("os_name"),
    "architecture": Text("architecture"),
    "labels": Labels(),
    "last_seen_at": Moment("last_seen_at", enriched=True),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters that lists of nodes and targeting share. ``last_seen_at`` is that of presence."""

LIST_FIELDS = {
    **FIELDS,
    "node_id": Uuid("id", offers=(ANY_OF,)),
    "cluster_name": Text("cluster_name", offers=ALSO_IN),
    "enrollment_key_id": Uuid("enrollment_key_id", offers=(ANY_OF,)),
    "has_enrollment_key": IsSet("enrollment_key_id"),
    "search": Search(),
}
"""The filters and orders of lists of nodes."""

OF_TERMS = frozenset({"labels", "hostname", "search"})
"""Filters by what has terms."""

Values = tuple[str, ...]

ClusterIds = Callable[[Values], Sequence[str]]
"""Finds the ids of the clusters of these names that exist."""

Spread = Callable[..., list[str]]
"""The partitions of a term, of the values of the filters behind the first."""


def cluster_ids_by(clusters: Clusters) -> ClusterIds:
    return lambda names: [cluster.id for cluster in clusters.find_many(names)]


def term_sources(cluster_ids: ClusterIds, are_complete: Callable[[], bool]) -> tuple[TermSource, ...]:
    """The sources of lists by terms: of each kind one within clusters, and one in the whole fleet."""
    return tuple(
        make(spread, by, index, are_complete)
        for make in (_searched, _called, _labelled)
        for spread, by, index in (
            (_in_clusters(cluster_ids), ("cluster_name",), "by_cluster"),
            (shards_of, (), None),
        )
    )


def _in_clusters(cluster_ids: ClusterIds) -> Spread:
    return lambda term, names: [cluster_term(cluster_id, term) for cluster_id in cluster_ids(names)]


def _searched(spread: Spread, by: Values, index: str | None, are_complete: Callable[[], bool]) -> TermSource:
    """By the beginning of a name. A walk shows a node by the first of its names that begin so."""

    def positions(wanted: Values, *more: Values) -> list[tuple[str, KeyRange | None]]:
        beginning = wanted[0][:NAME_CHARACTERS]
        return [(partition, beginning_with(beginning)) for partition in spread(name_term(beginning), *more)]

    def speaks_for(wanted: Values, *rest: object) -> bool:
        entry, row = cast("tuple[Item, Item]", rest[-2:])
        fitting = (name for name in map(folded, names_in(row)) if name.startswith(wanted[0][:NAME_CHARACTERS]))
        return entry["position"] == position_of_name(min(fitting, default=""), str(row["id"]))

    return TermSource(
        table=NODE_TERMS,
        by=("search", *by),
        index=index,
        positions=positions,
        holds=HOLDS if index is None else HOLDS - {"cluster_name"},
        decides=lambda wanted, *_: len(wanted[0]) <= NAME_CHARACTERS,
        speaks_for=speaks_for,
        is_complete=are_complete,
    )


def _called(spread: Spread, by: Values, index: str | None, are_complete: Callable[[], bool]) -> TermSource:
    """By host names. The rows decide: an alias may be spelled so, or the name in other letters."""

    def positions(wanted: Values, *more: Values) -> list[tuple[str, KeyRange | None]]:
        names = dict.fromkeys(map(folded, wanted))
        return [(partition, exactly(name)) for name in names for partition in spread(name_term(name), *more)]

    def speaks_for(_wanted: Values, *rest: object) -> bool:
        entry, row = cast("tuple[Item, Item]", rest[-2:])
        return entry["position"] == position_of_name(folded(str(row.get("hostname"))), str(row["id"]))

    return TermSource(
        table=NODE_TERMS,
        by=("hostname", *by),
        index=index,
        positions=positions,
        holds=HOLDS if index is None else HOLDS - {"cluster_name"},
        decides=lambda *_: False,
        speaks_for=speaks_for,
        is_complete=are_complete,
    )


def _labelled(spread: Spread, by: Values, index: str | None, are_complete: Callable[[], bool]) -> TermSource:
    """By labels, of which each must hold."""
    return TermSource(
        table=NODE_TERMS,
        by=("labels", *by),
        index=index,
        positions=lambda pair, *more: [(partition, None) for partition in spread(label_term(pair[0]), *more)],
        holds=HOLDS if index is None else HOLDS - {"cluster_name"},
        insertion=LISTED_AT,
        each=True,
        is_complete=are_complete,
    )

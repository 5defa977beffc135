"""Targeting as the operator wrote it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel


class TargetType(StrEnum):
    """How the base set of nodes is named; filters narrow it."""

    ALL = "all"
    NODES = "nodes"
    CLUSTERS = "clusters"


class Targeting(BaseModel, frozen=True):
    """Whom a request is for, as the operator wrote it, without repetitions in its lists.

    Filters hold public names and values in the grammar of lists; None means "not given".
    """

    type: TargetType
    node_ids: tuple[str, ...] | None = None
    cluster_names: tuple[str, ...] | None = None
    node_filters: Mapping[str, Any] | None = None
    cluster_filters: Mapping[str, Any] | None = None

"""Machines as people name them for a command or an update."""

from collections.abc import Sequence
from typing import Any

from edgectl.client import Client, Json
from edgectl.errors import CliError
from edgectl.lookup import find_nodes
from edgectl.resources.fleet import NODES

CLUSTER = "cluster:"


def targeting_of(client: Client, on: Sequence[str]) -> dict[str, Any]:
    """The targeting that the values of ``--on`` mean. Names of machines and of clusters may be repeated; ``all`` and
    labels stand alone, so that nothing widens what another value names. Raises `CliError`."""
    texts = [part.strip() for text in on for part in _split(text) if part.strip()]
    if not texts:
        raise CliError("--on names no machine: all, cluster:NAME, labels as env=prod, or names")
    if "all" in texts:
        _alone(texts, "all")
        return {"type": "all"}
    if any("=" in text for text in texts):
        if not all("=" in text for text in texts) or len(on) > 1:
            raise CliError("--on takes labels alone: env=prod,role=web is the machines that have both")
        return {"type": "all", "node_filters": {"labels": ",".join(text.replace("=", ":", 1) for text in texts)}}
    clusters = [text.removeprefix(CLUSTER) for text in texts if text.startswith(CLUSTER)]
    if clusters:
        if len(clusters) < len(texts):
            raise CliError("--on takes clusters or machines, not both in one command")
        return {"type": "clusters", "cluster_names": clusters}
    return {"type": "nodes", "node_ids": find_nodes(client, texts)}


def nodes_of(client: Client, targeting: dict[str, Any]) -> list[Json]:
    """The machines that a targeting reaches now."""
    match targeting["type"]:
        case "nodes":
            return [client.get(f"{NODES.path}/{node_id}") for node_id in targeting["node_ids"]]
        case "clusters":
            return list(client.walk(NODES.path, cluster_name=",".join(targeting["cluster_names"])))
        case _:
            return list(client.walk(NODES.path, **targeting.get("node_filters", {})))


def _split(text: str) -> list[str]:
    """At commas; those of ``cluster:a,b`` name further clusters."""
    parts = text.split(",")
    if text.startswith(CLUSTER):
        return [part if part.startswith(CLUSTER) else CLUSTER + part for part in parts]
    return parts


def _alone(texts: Sequence[str], word: str) -> None:
    if len(texts) > 1:
        raise CliError(f"--on {word} stands alone: it is every machine already")

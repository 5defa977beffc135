"""`Discovery`: what a Prometheus shall scrape, for its ``http_sd_config``."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.fleet import samples
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.nodes.model import NodeSummary, Status
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.reach import Reach
from chalicelib.kit.errors import unavailable
from chalicelib.kit.fields import about

MOST_TARGETS = 10_000
"""Lambda answers at most 6 MB, and a target takes up to 500 bytes of it, quotes escaped. More would have to be left
out without a word, so more is an error that names the filter to add."""

LISTED = (Status.HEALTHY, Status.UNHEALTHY)
"""An unreachable node has nothing to scrape."""


class Labels(BaseModel):
    """Labels of a scrape target. Prometheus drops those that begin with `__` after it has used them."""

    model_config = ConfigDict(serialize_by_alias=True)

    cluster: Annotated[str, about("Name of the node's cluster.", samples.CLUSTER)]
    job: Annotated[
        str,
        about(
            "Kind of metrics: `node-host-metrics`, `node-agent-metrics` or `node-wireguard-metrics`.",
            "node-host-metrics",
        ),
    ]
    metrics_path: Annotated[
        str, about("Path that Prometheus scrapes.", f"/api/v1/nodes/{samples.NODE_ID}/metrics/host/raw")
    ] = Field(alias="__metrics_path__")
    node_id: Annotated[str, about("UUID of the node, chosen by its agent.", samples.NODE_ID, format="uuid")]
    scheme: Annotated[str | None, about("`https` if this API is reached over TLS; absent for http.", "https")] = Field(
        default=None, alias="__scheme__", exclude_if=lambda value: value is None
    )


class Target(BaseModel):
    """One node. Each is scraped at the address of this API, under a path of its own."""

    targets: Annotated[list[str], about("Address of this API, host and port.", ["edge.example.com"])]
    labels: Annotated[Labels, about("Labels of the scraped series, and how to scrape.")]


class Discovery:
    """``base_url`` is where Prometheus reaches this API: ``host:port``, or a URL, whose path is kept in front of every
    node's."""

    def __init__(self, nodes: NodeReader, base_url: str | None) -> None:
        self._nodes = nodes
        self._base_url = base_url

    def targets(self, metrics_type: MetricsType, cluster_name: str | None, *, reach: Reach) -> list[Target]:
        """All healthy and unhealthy nodes, or those of a cluster, by cluster and id.

        Reads the index entries of those nodes and nothing else. Raises `EdgeError` (bad request) for more than
        `MOST_TARGETS`, (service unavailable) if the API does not know its own address.
        """
        if not self._base_url:
            raise unavailable()
        has_scheme = "://" in self._base_url
        base = urlsplit(self._base_url if has_scheme else f"//{self._base_url}")
        nodes = self._nodes.summaries_by_status(LISTED, cluster_name, MOST_TARGETS, reach=reach)
        return [
            Target(
                targets=[base.netloc],
                labels=Labels(
                    cluster=node.cluster_name,
                    job=f"node-{metrics_type}-metrics",
                    __metrics_path__=f"{base.path.rstrip('/')}/api/v1/nodes/{node.id}/metrics/{metrics_type}/raw",
                    node_id=node.id,
                    # http is what Prometheus takes without being told.
                    __scheme__="https" if base.scheme == "https" else None,
                ),
            )
            for node in sorted(nodes, key=_sort_key)
        ]


def _sort_key(node: NodeSummary) -> tuple[str, str]:
    return node.cluster_name, node.id

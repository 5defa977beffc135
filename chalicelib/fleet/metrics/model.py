"""The models of a machine's cached metrics, and how long they are valid."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

CACHE_SECONDS = 300
"""Age at which metrics are no longer shown at all, as in the reference."""


class MetricsType(StrEnum):
    """The source of the text: node_exporter, the agent itself, or the WireGuard exporter."""

    HOST = "host"
    AGENT = "agent"
    WIREGUARD = "wireguard"


class ReportType(StrEnum):
    """Reports of agents in JSON, which are kept as metrics are."""

    DIAGNOSTICS = "diagnostics"


class Metrics(BaseModel):
    """The latest text of a node and type. ``updated_at`` is when it was received, UTC seconds text; ``id`` stays the
    same for a node and type. ``version`` counts writes of the row."""

    model_config = ConfigDict(frozen=True)

    id: str
    node_id: str
    metrics_type: MetricsType | ReportType
    text: str = Field(repr=False)
    updated_at: str
    version: int = 0

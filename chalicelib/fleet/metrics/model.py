"""What is kept of a machine's metrics, and how long it is good for."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

CACHE_SECONDS = 300
"""Age at which metrics are no longer shown at all, as in the reference."""


class MetricsType(StrEnum):
    """Whose text it is: node_exporter's, the agent's own, or the WireGuard exporter's."""

    HOST = "host"
    AGENT = "agent"
    WIREGUARD = "wireguard"


class Metrics(BaseModel):
    """The latest text of a node and type. ``updated_at`` is when it was received, UTC seconds text; ``id`` stays the
    same for a node and type. ``version`` counts writes of the row."""

    model_config = ConfigDict(frozen=True)

    id: str
    node_id: str
    metrics_type: MetricsType
    text: str = Field(repr=False)
    updated_at: str
    version: int = 0

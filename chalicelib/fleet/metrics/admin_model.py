"""The contract's view of an admin. What belongs to a runtime that is not here stays None; docs/metrics.md tells why."""

from pydantic import BaseModel


class AdminApplicationFigures(BaseModel):
    """Of a process that runs for weeks. Functions come and go, so none of it would say anything."""

    uptime_seconds: int | None = None
    uptime_human: str | None = None
    process_count: int | None = None
    port_count: int | None = None
    atom_count: int | None = None
    ets_count: int | None = None
    memory_total_bytes: int | None = None
    memory_total_mb: float | None = None
    memory_processes_bytes: int | None = None
    memory_processes_mb: float | None = None
    memory_ets_bytes: int | None = None
    memory_ets_mb: float | None = None
    memory_binary_bytes: int | None = None
    memory_binary_mb: float | None = None
    memory_code_bytes: int | None = None
    memory_code_mb: float | None = None
    memory_atom_bytes: int | None = None
    memory_atom_mb: float | None = None


class AdminMetadataFigures(BaseModel):
    degraded: bool | None
    orphaned_clusters: int | None = None
    assigned_clusters: int | None
    recomputations_total: int | None = None


class AdminMembershipFigures(BaseModel):
    steps_completed_total: int | None = None
    complete_total: int | None = None


class AdminDiscoveryFigures(BaseModel):
    scans_total: int | None = None
    dns_resolutions_total: int | None = None
    peer_connections_total: int | None = None


class AdminNodeFigures(BaseModel):
    health_checks_total: int | None


class AdminScheduleFigures(BaseModel):
    jobs_executed_total: int | None
    jobs_exceptions_total: int | None


class AdminVpnFigures(BaseModel):
    zombie_cleanup_total: int | None = None
    zombie_cleanup_deleted_count: int | None = None


class AdminCommandFigures(BaseModel):
    delivery_total: int | None = None
    delivery_delivered_count: int | None = None
    execution_delivered_total: int | None
    execution_completed_total: int | None
    expiration_total: int | None
    pruning_total: int | None
    pruning_deleted_count: int | None


class AdminSshFigures(BaseModel):
    verifications_total: int | None
    verifications_failed: int | None


class AdminReconciliationFigures(BaseModel):
    total: int | None = None
    errors: int | None = None


class AdminSelfUpdateFigures(BaseModel):
    completed_total: int | None


class AdminGatewayFigures(BaseModel):
    connections_total: int | None = None
    active_count: int | None = None
    scrapes_total: int | None = None


class AdminProxyFigures(BaseModel):
    connections_total: int | None = None
    connections_success_total: int | None = None
    connections_auth_failed_total: int | None = None
    connections_failure_total: int | None = None
    auth_failures_total: int | None = None
    tunnels_closed_total: int | None = None
    tunnels_closed_normal_total: int | None = None
    tunnels_closed_deadline_total: int | None = None
    tunnels_closed_drain_timeout_total: int | None = None
    bytes_up_total: int | None = None
    bytes_up_mb: float | None = None
    bytes_down_total: int | None = None
    bytes_down_mb: float | None = None


class AdminEventFigures(BaseModel):
    enabled: bool | None
    enqueues_total: int | None
    publishes_total: int | None = None
    publishes_ok_total: int | None = None
    publishes_error_total: int | None = None


class AdminWebhookFigures(BaseModel):
    fan_outs_total: int | None
    deliveries_total: int | None
    deliveries_ok_total: int | None
    deliveries_recoverable_total: int | None
    deliveries_terminal_total: int | None


class AdminQueueFigures(BaseModel):
    """Messages of one queue. ``discarded`` are its dead letters; SQS keeps no count of the states that stay 0."""

    queue: str
    available: int
    scheduled: int
    executing: int
    retryable: int
    completed: int
    discarded: int
    cancelled: int


class AdminFigures(BaseModel):
    application: AdminApplicationFigures
    metadata: AdminMetadataFigures
    membership: AdminMembershipFigures
    discovery: AdminDiscoveryFigures
    nodes: AdminNodeFigures
    quantum: AdminScheduleFigures
    vpn: AdminVpnFigures
    commands: AdminCommandFigures
    ssh: AdminSshFigures
    reconciliation: AdminReconciliationFigures
    self_updates: AdminSelfUpdateFigures
    gateways: AdminGatewayFigures
    proxy: AdminProxyFigures
    event_broker: AdminEventFigures
    webhook: AdminWebhookFigures
    oban_queues: list[AdminQueueFigures]

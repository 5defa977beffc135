"""The contract's metrics of an admin. Those of a runtime that does not exist here stay None; see docs/metrics.md."""

from typing import Annotated

from pydantic import BaseModel

from chalicelib.kit.fields import about


class AdminApplicationFigures(BaseModel):
    """Figures of a server process. All are null: functions start and stop with the load."""

    uptime_seconds: Annotated[int | None, about("Seconds since the server started.", None)] = None
    uptime_human: Annotated[str | None, about("Time since the server started, for people.", None)] = None
    process_count: Annotated[int | None, about("Processes of the server's Erlang VM.", None)] = None
    port_count: Annotated[int | None, about("Open ports of the Erlang VM.", None)] = None
    atom_count: Annotated[int | None, about("Atoms of the Erlang VM.", None)] = None
    ets_count: Annotated[int | None, about("ETS tables of the Erlang VM.", None)] = None
    memory_total_bytes: Annotated[int | None, about("Memory of the server, in bytes.", None)] = None
    memory_total_mb: Annotated[float | None, about("Memory of the server, in MiB (2^20 bytes).", None)] = None
    memory_processes_bytes: Annotated[int | None, about("Memory of the server's processes, in bytes.", None)] = None
    memory_processes_mb: Annotated[float | None, about("Memory of the server's processes, in MiB.", None)] = None
    memory_ets_bytes: Annotated[int | None, about("Memory of the server's ETS tables, in bytes.", None)] = None
    memory_ets_mb: Annotated[float | None, about("Memory of the server's ETS tables, in MiB.", None)] = None
    memory_binary_bytes: Annotated[int | None, about("Memory of the server's binaries, in bytes.", None)] = None
    memory_binary_mb: Annotated[float | None, about("Memory of the server's binaries, in MiB.", None)] = None
    memory_code_bytes: Annotated[int | None, about("Memory of the server's code, in bytes.", None)] = None
    memory_code_mb: Annotated[float | None, about("Memory of the server's code, in MiB.", None)] = None
    memory_atom_bytes: Annotated[int | None, about("Memory of the server's atoms, in bytes.", None)] = None
    memory_atom_mb: Annotated[float | None, about("Memory of the server's atoms, in MiB.", None)] = None


class AdminMetadataFigures(BaseModel):
    """The assignment of clusters to admins."""

    degraded: Annotated[bool | None, about("Whether the installation is over its capacity.", False)]
    orphaned_clusters: Annotated[
        int | None, about("Clusters without an admin. Null: `/api/v1/admins/orphaned_clusters` lists them.", None)
    ] = None
    assigned_clusters: Annotated[
        int | None, about("Clusters of the installation, whichever admin owns them.", 2, minimum=0)
    ]
    recomputations_total: Annotated[
        int | None, about("Assignments that were computed. Null: each heartbeat computes one.", None)
    ] = None


class AdminMembershipFigures(BaseModel):
    """The joining of a cluster of servers. All are null: there is none."""

    steps_completed_total: Annotated[int | None, about("Steps of joining that were completed.", None)] = None
    complete_total: Annotated[int | None, about("Joins that were completed.", None)] = None


class AdminDiscoveryFigures(BaseModel):
    """The search of servers for each other. All are null: there is none."""

    scans_total: Annotated[int | None, about("Searches for other servers.", None)] = None
    dns_resolutions_total: Annotated[int | None, about("DNS look-ups of other servers.", None)] = None
    peer_connections_total: Annotated[int | None, about("Attempts to connect to other servers.", None)] = None
    connected_peers: Annotated[int | None, about("Servers that are connected.", None)] = None


class AdminNodeFigures(BaseModel):
    """The health of nodes."""

    health_checks_total: Annotated[
        int | None, about("Nodes whose silence the health sweep looked into.", 17, minimum=0)
    ]
    health_checks_healthy_total: Annotated[
        int | None, about("Checks that found a healthy node. Null: nodes report by themselves.", None)
    ] = None
    health_checks_unhealthy_total: Annotated[
        int | None, about("Checks that found an unhealthy node. Null: nodes report by themselves.", None)
    ] = None
    health_checks_unreachable_total: Annotated[
        int | None, about("Checks that reached no node. Null: silence is noticed, nobody is called.", None)
    ] = None
    fallback_health_reports_total: Annotated[
        int | None, about("Reports over HTTP. Null: counting each would cost a write.", None)
    ] = None
    last_sweep_healthy_count: Annotated[int | None, about("Nodes that are healthy now.", 2980, minimum=0)]
    last_sweep_unhealthy_count: Annotated[int | None, about("Nodes that are unhealthy now.", 3, minimum=0)]
    last_sweep_unreachable_count: Annotated[int | None, about("Nodes that are unreachable now.", 17, minimum=0)]


class AdminScheduleFigures(BaseModel):
    """Scheduled functions."""

    jobs_executed_total: Annotated[int | None, about("Runs of all schedules.", 4320, minimum=0)]
    jobs_exceptions_total: Annotated[int | None, about("Runs of all schedules that failed.", 0, minimum=0)]


class AdminVpnFigures(BaseModel):
    """The removal of dead servers from the mesh. All are null: admins are not in the mesh."""

    zombie_cleanup_total: Annotated[int | None, about("Runs of the removal.", None)] = None
    zombie_cleanup_deleted_count: Annotated[int | None, about("Servers that the last run removed.", None)] = None


class AdminCommandFigures(BaseModel):
    """Counters of executions."""

    delivery_total: Annotated[
        int | None, about("Rounds of delivery. Null: each write is delivered by itself.", None)
    ] = None
    delivery_delivered_count: Annotated[
        int | None, about("Executions that the last round delivered. Null: there are no rounds.", None)
    ] = None
    delivery_runs_total: Annotated[int | None, about("Another name of `delivery_total`.", None)] = None
    delivery_last_delivered_count: Annotated[int | None, about("Another name of `delivery_delivered_count`.", None)] = (
        None
    )
    execution_delivered_total: Annotated[int | None, about("Executions that became `sent`.", 128, minimum=0)]
    execution_completed_total: Annotated[
        int | None, about("Results that agents reported, of any outcome.", 126, minimum=0)
    ]
    execution_dropped_total: Annotated[
        int | None, about("Executions that ended because their node was deleted.", 1, minimum=0)
    ]
    expired_total: Annotated[int | None, about("Executions that expired without a result.", 4, minimum=0)]
    expiration_total: Annotated[int | None, about("Runs of the sweep that expires commands.", 1440, minimum=0)]
    expiration_runs_total: Annotated[int | None, about("Another name of `expiration_total`.", 1440, minimum=0)]
    expiration_last_expired_count: Annotated[
        int | None, about("Executions that the last sweep expired. Null: its work is divided among workers.", None)
    ] = None
    pruning_total: Annotated[int | None, about("Runs of the job that deletes old executions.", 24, minimum=0)]
    pruning_runs_total: Annotated[int | None, about("Another name of `pruning_total`.", 24, minimum=0)]
    pruning_deleted_count: Annotated[int | None, about("Old executions that were deleted, in all.", 0, minimum=0)]
    pruned_total: Annotated[int | None, about("Another name of `pruning_deleted_count`.", 0, minimum=0)]
    pruning_last_deleted_count: Annotated[
        int | None, about("Executions that the last run deleted. Null: its work is divided among workers.", None)
    ] = None


class AdminSshFigures(BaseModel):
    """Counters of SSH logins."""

    verifications_total: Annotated[int | None, about("Logins that nodes asked about.", 12, minimum=0)]
    verifications_failed: Annotated[int | None, about("Logins that were refused.", 1, minimum=0)]


class AdminReconciliationFigures(BaseModel):
    """The repair of the mesh. The findings of runs are null here: they are logged."""

    total: Annotated[int | None, about("Runs of the repair.", 1440, minimum=0)]
    runs_total: Annotated[int | None, about("Another name of `total`.", 1440, minimum=0)]
    errors: Annotated[int | None, about("Errors in the last run of the repair.", None)] = None
    last_errors: Annotated[int | None, about("Another name of `errors`.", None)] = None
    errors_total: Annotated[int | None, about("Runs of the repair that failed.", 0, minimum=0)]
    nodes_added_total: Annotated[int | None, about("Nodes that repairs put into the mesh.", None)] = None
    nodes_removed_total: Annotated[int | None, about("Nodes that repairs took out of the mesh.", None)] = None
    nodes_deleted_total: Annotated[int | None, about("Nodes without a host that repairs deleted.", None)] = None
    aliases_cleaned_total: Annotated[int | None, about("Aliases that repairs deleted.", None)] = None
    aliases_repaired_total: Annotated[int | None, about("Aliases whose names repairs mended.", None)] = None
    ghost_aliases_cleaned_total: Annotated[int | None, about("Names without an alias that repairs deleted.", None)] = (
        None
    )
    last_nodes_added: Annotated[int | None, about("Nodes that the last repair put into the mesh.", None)] = None
    last_nodes_removed: Annotated[int | None, about("Nodes that the last repair took out of the mesh.", None)] = None
    last_nodes_deleted: Annotated[int | None, about("Nodes without a host that the last repair deleted.", None)] = None
    last_aliases_cleaned: Annotated[int | None, about("Aliases that the last repair deleted.", None)] = None
    last_aliases_repaired: Annotated[int | None, about("Aliases whose names the last repair mended.", None)] = None
    last_ghost_aliases_cleaned: Annotated[
        int | None, about("Names without an alias that the last repair deleted.", None)
    ] = None


class AdminSelfUpdateFigures(BaseModel):
    """Counters of self-updates. Those of nodes are null: each request has a `summary` of its own."""

    completed_total: Annotated[int | None, about("Self-update requests that were completed.", 2, minimum=0)]
    targets_total: Annotated[int | None, about("Nodes of completed requests.", None)] = None
    triggered_total: Annotated[int | None, about("Nodes that were told to update themselves.", None)] = None
    failed_total: Annotated[int | None, about("Nodes that could not be told, or failed.", None)] = None
    last_target_count: Annotated[int | None, about("Nodes of the last request.", None)] = None
    last_triggered_count: Annotated[int | None, about("Nodes of the last request that were told.", None)] = None
    last_failed_count: Annotated[int | None, about("Nodes of the last request that failed.", None)] = None


class AdminGatewayFigures(BaseModel):
    """Gateway processes. All are null: there are none."""

    connections_total: Annotated[int | None, about("Times that a gateway connected or disconnected.", None)] = None
    active_count: Annotated[int | None, about("Gateways that are connected.", None)] = None
    scrapes_total: Annotated[int | None, about("Scrapes of metrics by gateways.", None)] = None
    diagnostics_total: Annotated[int | None, about("Diagnostic reports by gateways.", None)] = None


class AdminProxyFigures(BaseModel):
    """A forward proxy of the admin. All are null: there is none."""

    connections_total: Annotated[int | None, about("Connections to the admin's proxy.", None)] = None
    connections_success_total: Annotated[int | None, about("Connections that became a tunnel.", None)] = None
    connections_auth_failed_total: Annotated[int | None, about("Connections with wrong credentials.", None)] = None
    connections_failure_total: Annotated[
        int | None, about("Connections that failed for another reason than credentials.", None)
    ] = None
    auth_failures_total: Annotated[int | None, about("The same as `connections_auth_failed_total`.", None)] = None
    tunnels_closed_total: Annotated[int | None, about("Tunnels of the admin's proxy that were closed.", None)] = None
    tunnels_closed_normal_total: Annotated[int | None, about("Tunnels that both ends closed.", None)] = None
    tunnels_closed_deadline_total: Annotated[int | None, about("Tunnels that reached their greatest age.", None)] = None
    tunnels_closed_drain_timeout_total: Annotated[
        int | None, about("Tunnels whose last data did not drain in time.", None)
    ] = None
    bytes_up_total: Annotated[int | None, about("Bytes that the admin's proxy took from clients.", None)] = None
    bytes_up_mb: Annotated[float | None, about("MiB that the admin's proxy took from clients.", None)] = None
    bytes_down_total: Annotated[int | None, about("Bytes that the admin's proxy gave to clients.", None)] = None
    bytes_down_mb: Annotated[float | None, about("MiB that the admin's proxy gave to clients.", None)] = None


class AdminEventFigures(BaseModel):
    """Events on the event bus."""

    enabled: Annotated[bool | None, about("Always true: the bus is part of the installation.", True)]
    enqueues_total: Annotated[int | None, about("Events that followed from changes.", 402, minimum=0)]
    publishes_total: Annotated[
        int | None, about("Attempts to publish. Null: counting each would cost a write.", None)
    ] = None
    publishes_ok_total: Annotated[int | None, about("Attempts to publish that succeeded. Null: not counted.", None)] = (
        None
    )
    publishes_error_total: Annotated[
        int | None, about("Attempts to publish that failed. Null: see the dead letters of the queue `events`.", None)
    ] = None


class AdminWebhookFigures(BaseModel):
    """Counters of deliveries to webhooks."""

    fan_outs_total: Annotated[int | None, about("First attempts: events that were tried on a webhook.", 210, minimum=0)]
    matched_deliveries_total: Annotated[int | None, about("The same as `fan_outs_total`.", 210, minimum=0)]
    deliveries_total: Annotated[int | None, about("All attempts.", 214, minimum=0)]
    deliveries_ok_total: Annotated[int | None, about("Attempts that the receiver accepted.", 209, minimum=0)]
    deliveries_recoverable_total: Annotated[int | None, about("Attempts after which another is made.", 4, minimum=0)]
    deliveries_terminal_total: Annotated[
        int | None, about("Attempts after which the delivery is given up.", 1, minimum=0)
    ]


class AdminQueueFigures(BaseModel):
    """Messages of one SQS queue."""

    queue: Annotated[str, about("The queue, by its short name.", "deliveries")]
    available: Annotated[int, about("Messages that wait for a worker.", 0, minimum=0)]
    scheduled: Annotated[int, about("Messages that are delayed.", 0, minimum=0)]
    executing: Annotated[int, about("Messages that a worker holds.", 1, minimum=0)]
    retryable: Annotated[int, about("Always 0: SQS counts a message for another attempt as `available`.", 0)]
    completed: Annotated[int, about("Always 0: SQS does not count finished messages.", 0)]
    discarded: Annotated[int, about("Messages in the dead-letter queue.", 0, minimum=0)]
    cancelled: Annotated[int, about("Always 0: messages are not cancelled.", 0)]


class AdminFigures(BaseModel):
    """Metrics of the whole installation."""

    application: Annotated[AdminApplicationFigures, about("The server process of the reference system.")]
    metadata: Annotated[AdminMetadataFigures, about("Assignment of clusters to admins.")]
    membership: Annotated[AdminMembershipFigures, about("Joining of a cluster of servers.")]
    discovery: Annotated[AdminDiscoveryFigures, about("Search of servers for each other.")]
    nodes: Annotated[AdminNodeFigures, about("Health checks.")]
    quantum: Annotated[AdminScheduleFigures, about("Scheduled functions.")]
    vpn: Annotated[AdminVpnFigures, about("Removal of dead servers from the mesh.")]
    commands: Annotated[AdminCommandFigures, about("Executions: delivery, results, expiry and pruning.")]
    ssh: Annotated[AdminSshFigures, about("Logins to nodes over SSH.")]
    reconciliation: Annotated[AdminReconciliationFigures, about("Repair of the mesh.")]
    self_updates: Annotated[AdminSelfUpdateFigures, about("Self-update requests.")]
    gateways: Annotated[AdminGatewayFigures, about("Gateway processes of the reference system.")]
    proxy: Annotated[AdminProxyFigures, about("Forward proxy of the reference system.")]
    event_broker: Annotated[AdminEventFigures, about("Events on the event bus.")]
    webhook: Annotated[AdminWebhookFigures, about("Deliveries to webhooks.")]
    oban_queues: Annotated[list[AdminQueueFigures], about("SQS queues of the installation.")]

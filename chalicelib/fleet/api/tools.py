"""The tools of the fleet's API for assistants: the names of the Edge Admin contract, and what has no tool."""

from chalicelib.web.mcp.naming import DESTRUCTIVE, IDEMPOTENT, OPEN_WORLD, Named, Naming

_NAMED = {
    "GET /api/v1/admins/me": Named("get_admin", "Get Admin Info"),
    "GET /api/v1/admins/my_admin_cluster": Named("get_my_admin_cluster", "Get This Admin's Admin Cluster"),
    "GET /api/v1/admins/admin_clusters": Named("list_admin_clusters", "List All Admin Clusters", OPEN_WORLD),
    "GET /api/v1/admins/edge_clusters": Named("list_edge_clusters", "List Edge Clusters (Admin View)"),
    "GET /api/v1/admins/orphaned_clusters": Named("list_orphaned_clusters", "List Orphaned Clusters"),
    "GET /healthz": Named("check_admin_health", "Check Admin Health"),
    "GET /api/v1/clusters": Named("list_clusters", "List Clusters"),
    "GET /api/v1/clusters/{name}": Named("get_cluster", "Get Cluster"),
    "POST /api/v1/clusters": Named("create_cluster", "Create Cluster", OPEN_WORLD),
    "PATCH /api/v1/clusters/{name}": Named("update_cluster", "Update Cluster", IDEMPOTENT),
    "DELETE /api/v1/clusters/{name}": Named("delete_cluster", "Delete Cluster", DESTRUCTIVE, OPEN_WORLD),
    "GET /api/v1/nodes": Named("list_nodes", "List Nodes"),
    "GET /api/v1/nodes/{id}": Named("get_node", "Get Node"),
    "GET /api/v1/nodes/{id}/diagnostics": Named("get_node_diagnostics", "Get Node Diagnostics", OPEN_WORLD),
    "DELETE /api/v1/nodes/{id}": Named("delete_node", "Delete Node", DESTRUCTIVE, OPEN_WORLD),
    "PATCH /api/v1/nodes/{id}/change_cluster": Named(
        "change_node_cluster", "Move Node to Cluster", DESTRUCTIVE, OPEN_WORLD
    ),
    "POST /api/v1/nodes/{id}/change_cluster": Named(
        "change_node_cluster", "Move Node to Cluster", DESTRUCTIVE, OPEN_WORLD
    ),
    "POST /api/v1/nodes/{id}/recovery_key": Named(
        "create_node_recovery_key", "Create Node Recovery Key", DESTRUCTIVE, OPEN_WORLD
    ),
    "DELETE /api/v1/nodes/{id}/recovery_key": Named(
        "delete_node_recovery_key", "Delete Node Recovery Key", DESTRUCTIVE, IDEMPOTENT, OPEN_WORLD
    ),
    "GET /api/v1/aliases": Named("list_aliases", "List Aliases"),
    "GET /api/v1/aliases/{id}": Named("get_alias", "Get Alias"),
    "POST /api/v1/nodes/{node_id}/aliases": Named("create_alias", "Create Alias", OPEN_WORLD),
    "DELETE /api/v1/aliases/{id}": Named("delete_alias", "Delete Alias", DESTRUCTIVE, OPEN_WORLD),
    "GET /api/v1/enrollment_keys": Named("list_enrollment_keys", "List Enrollment Keys"),
    "GET /api/v1/enrollment_keys/{id}": Named("get_enrollment_key", "Get Enrollment Key"),
    "POST /api/v1/clusters/{cluster_name}/enrollment_keys": Named("create_enrollment_key", "Create Enrollment Key"),
    "PATCH /api/v1/enrollment_keys/{id}": Named("update_enrollment_key", "Update Enrollment Key", IDEMPOTENT),
    "DELETE /api/v1/enrollment_keys/{id}": Named("delete_enrollment_key", "Delete Enrollment Key", DESTRUCTIVE),
    "GET /api/v1/commands": Named("list_commands", "List Commands"),
    "GET /api/v1/commands/{id}": Named("get_command", "Get Command"),
    "POST /api/v1/commands": Named("create_command", "Create Command"),
    "DELETE /api/v1/commands/{id}": Named("delete_command", "Delete Command", DESTRUCTIVE),
    "GET /api/v1/command_executions": Named("list_command_executions", "List Command Executions"),
    "GET /api/v1/command_executions/{id}": Named("get_command_execution", "Get Command Execution"),
    "PATCH /api/v1/command_executions/{id}/cancel": Named(
        "cancel_command_execution", "Cancel Command Execution", DESTRUCTIVE
    ),
    "POST /api/v1/command_executions/{id}/cancel": Named(
        "cancel_command_execution", "Cancel Command Execution", DESTRUCTIVE
    ),
    "DELETE /api/v1/command_executions/{id}": Named(
        "delete_command_execution", "Delete Command Execution", DESTRUCTIVE
    ),
    "GET /api/v1/ssh_usernames": Named("list_ssh_usernames", "List SSH Usernames"),
    "GET /api/v1/ssh_usernames/{id}": Named("get_ssh_username", "Get SSH Username"),
    "POST /api/v1/nodes/{node_id}/ssh_usernames": Named("create_ssh_username", "Create SSH Username"),
    "DELETE /api/v1/ssh_usernames/{id}": Named("delete_ssh_username", "Delete SSH Username", DESTRUCTIVE),
    "GET /api/v1/ssh_public_keys": Named("list_ssh_public_keys", "List SSH Public Keys"),
    "GET /api/v1/ssh_public_keys/{id}": Named("get_ssh_public_key", "Get SSH Public Key"),
    "POST /api/v1/ssh_usernames/{ssh_username_id}/ssh_public_keys": Named(
        "create_ssh_public_key", "Create SSH Public Key"
    ),
    "DELETE /api/v1/ssh_public_keys/{id}": Named("delete_ssh_public_key", "Delete SSH Public Key", DESTRUCTIVE),
    "GET /api/v1/self_update_requests": Named("list_self_update_requests", "List Self-Update Requests"),
    "GET /api/v1/self_update_requests/{id}": Named("get_self_update_request", "Get Self-Update Request"),
    "POST /api/v1/self_update_requests": Named("create_self_update_request", "Create Self-Update Request", DESTRUCTIVE),
    "DELETE /api/v1/self_update_requests/{id}": Named(
        "delete_self_update_request", "Delete Self-Update Request", DESTRUCTIVE
    ),
    "GET /api/v1/nodes/{node_id}/metrics": Named("get_node_metrics", "Get Node Metrics", OPEN_WORLD),
    "GET /api/v1/nodes/{node_id}/metrics/host": Named("get_host_metrics", "Get Host Metrics", OPEN_WORLD),
    "GET /api/v1/nodes/{node_id}/metrics/agent": Named("get_agent_metrics", "Get Agent Metrics", OPEN_WORLD),
    "GET /api/v1/admins/me/metrics": Named("get_admin_metrics", "Get Admin Metrics"),
    "GET /api/v1/webhooks": Named("list_webhooks", "List Webhooks"),
    "GET /api/v1/webhooks/{id}": Named("get_webhook", "Get Webhook"),
    "POST /api/v1/webhooks": Named("create_webhook", "Create Webhook"),
    "DELETE /api/v1/webhooks/{id}": Named("delete_webhook", "Delete Webhook", DESTRUCTIVE),
    "GET /api/v1/event_types": Named("list_event_types", "List Event Types"),
    "GET /api/v1/event_types/{event_type}": Named("explain_event_type", "Explain Event Type"),
    "POST /api/v1/events/test": Named("publish_test_event", "Publish Test Event", OPEN_WORLD),
}
"""The tools of the contract by method and path. Every other operation is called as in the OpenAPI document."""

_A_KEY = "answers a new API key, which may do more than the assistant that asks; people make keys themselves"
_DISCOVERY = "the service discovery of a Prometheus; `list_nodes` has the nodes"

_WITHOUT = {
    "PUT /api/v1/secrets/{name}": "its value would pass through the assistant; people save secrets themselves",
    "POST /api/v1/clusters/default/enrollment_keys": "`create_enrollment_key` does the same for the cluster `default`",
    "POST /api/v1/api_keys": _A_KEY,
    "POST /api/v1/api_keys/{id}/rotate": _A_KEY,
    "POST /api/v1/command_executions/{id}/tail": "answers a ticket for a socket, which assistants do not open",
    "GET /api/v1/nodes/metrics/host/discovery": _DISCOVERY,
    "GET /api/v1/nodes/metrics/agent/discovery": _DISCOVERY,
    "GET /api/v1/nodes/metrics/wireguard/discovery": _DISCOVERY,
}

TOOLS = Naming(
    named=_NAMED,
    without=_WITHOUT,
    arguments={
        "key_id": "enrollment_key_id",
        "self_update_request_id": "request_id",
        "expired_at": "expires_at",
        "has_expired_at": "has_expires_at",
        "expired_at__gte": "expires_at__gte",
        "expired_at__lte": "expires_at__lte",
    },
    runs=frozenset({"commands:write"}),
    harmless=frozenset({"create", "update", "pause", "resume", "unblock", "test", "redeliver"}),
)

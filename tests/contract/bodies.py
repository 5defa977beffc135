"""Requests that succeed in `Application` as it is, or nearly so."""

from collections.abc import Mapping
from typing import Any

from chalicelib.fleet.samples import FINGERPRINT
from tests.contract.application import NEW_NODE_ID

REGISTRATION = {
    "node_id": NEW_NODE_ID,
    "network_name": "cluster-north",
    "id_type": "persistent",
    "http_port": 44000,
    "ssh_port": 40022,
    "host_metrics_port": 49100,
    "wireguard_metrics_port": 49586,
    "http_proxy_port": 43128,
    "socks5_proxy_port": 41080,
    "version": "1.0.0",
    "self_update_enabled": False,
    "registration_token": "token",
}

BODIES: Mapping[str, Mapping[str, Any]] = {
    "create_cluster": {"name": "west", "ipv4_range": "8.0.0.0/24", "node_limit": 5},
    "update_cluster": {"node_limit": 5},
    "create_key": {"name": "door", "uses_remaining": 3, "expired_at": "2027-01-01T00:00:00Z"},
    "create_default_key": {"name": "door", "uses_remaining": 3, "expired_at": "2027-01-01T00:00:00Z"},
    "update_key": {"name": "door", "uses_remaining": 3, "expired_at": "2027-01-01T00:00:00Z"},
    "update_node": {"labels": {"env": "prod"}},
    "change_cluster": {"cluster_name": "south"},
    "move_node": {"cluster_name": "south"},
    "create_alias": {"name": "web"},
    "create_own_alias": {"name": "web"},
    "retry_command": {"outcomes": ["cancelled"]},
    "create_schedule": {
        "name": "nightly",
        "command": {"command_text": "uptime", "timeout": 1000, "targeting": {"type": "all"}},
        "cron": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "if_offline": {"run_within_seconds": 3600},
    },
    "update_schedule": {"cron": "0 3 * * *"},
    "create_command": {
        "command_text": "uptime",
        "timeout": 1000,
        "expired_at": "2027-01-01T00:00:00Z",
        "targeting": {"type": "all", "node_filters": {"version": "1.*"}, "cluster_filters": {"name": "n*"}},
    },
    "verify_key": {"key": "blob", "node_id": NEW_NODE_ID},
    "register_node": REGISTRATION,
    "report_health": {"status": "healthy"},
    "check_ssh_sessions": {
        "sessions": [
            {"id": "1", "username": "operator", "fingerprint": FINGERPRINT, "checked_at": "2026-11-21T10:00:00Z"}
        ]
    },
    "push_diagnostics": {
        "collected_at": "2026-11-21T10:00:00Z",
        "checks": [{"name": "database", "status": "pass", "duration_ms": 3, "details": {"free": "20 MB"}}],
    },
    "acknowledge_executions": {"ids": ["01900000-0000-7000-8000-0000000000ff"]},
    "create_output_upload": {"size": 65_536, "sha256": "0" * 64},
    "report_result": {"status": "completed", "output": "done", "exit_code": 0, "completed_at": "2026-11-21T10:00:00Z"},
}
"""What each operation that takes a body is sent where a case says nothing else, by the name of the view."""

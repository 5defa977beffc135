"""An agent's figures: the contract's example, and any counters."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.metrics.agent import agent_figures
from tests.unit.fleet.metrics.texts import AGENT


def test_agent_figures_match_the_contract_example():
    assert agent_figures(AGENT).model_dump() == {
        "application": {
            "uptime_seconds": 172800,
            "uptime_human": "2d 0h 0m",
            "process_count": 342,
            "memory_total_bytes": 125829120,
            "memory_total_mb": 120.0,
            "memory_processes_bytes": 83886080,
            "memory_processes_mb": 80.0,
            "memory_ets_bytes": 4194304,
            "memory_ets_mb": 4.0,
            "memory_binary_bytes": 2097152,
            "memory_binary_mb": 2.0,
        },
        "commands": {
            "synced_total": 156,
            "enqueued_total": 152,
            "completed_total": 150,
            "reported_total": 150,
            **dict.fromkeys(("last_exit_code", "report_batch_size", "sync_pending_count", "sync_sent_count")),
        },
        "discovery": {"scans_total": 48, "admins_found_last": 5},
        "proxy": {
            "http_connections_total": 523,
            "http_blocked_total": 15,
            "http_blocked_by_reason": {
                "agent_port_blocked": 1,
                "docker_network_blocked": 4,
                "localhost_blocked": 8,
                "metadata_service_blocked": 2,
            },
            "socks5_connections_total": 87,
            "socks5_blocked_total": 5,
            "socks5_blocked_by_reason": {"docker_port_blocked": 2, "localhost_blocked": 3},
            "tunnels_closed_total": 605,
            "tunnels_closed_normal_total": 590,
            "tunnels_closed_deadline_total": 12,
            "tunnels_closed_drain_timeout_total": 3,
            "bytes_up_total": 157286400,
            "bytes_up_mb": 150.0,
            "bytes_down_total": 943718400,
            "bytes_down_mb": 900.0,
        },
        "ssh": {"authentications_total": 45, "connections_total": 44},
        "vpn": {"pulls_total": 7, "pulls_success_total": None, "pulls_failure_total": None},
        "health_check": {"reports_total": 0, "reports_success_total": None, "reports_failure_total": None},
        "bootstrap": dict.fromkeys(
            ("registrations_total", "registrations_success_total", "registrations_failure_total")
        ),
        "diagnostics": dict.fromkeys(("pushes_total", "pushes_success_total", "pushes_failure_total")),
        "settings_config": dict.fromkeys(
            f"refreshes{which}_total" for which in ("", "_success", "_failure", "_invalid_response")
        ),
        "oban_queues": [
            {"queue": "default", "available": 0, "executing": 1, "completed": 245, "discarded": 1, "retryable": 0},
            {"queue": "commands", "available": 0, "executing": 0, "completed": 150, "discarded": 0, "retryable": 0},
        ],
    }


def test_agent_figures_without_series_are_zero_or_null():
    figures = agent_figures("")
    application = figures.application.model_dump()
    assert (application.pop("uptime_seconds"), application.pop("uptime_human")) == (0, "0s")
    assert set(application.values()) == {None}
    assert set(figures.commands.model_dump(include={"synced_total", "enqueued_total"}).values()) == {0}
    assert figures.discovery.model_dump() == {"scans_total": 0, "admins_found_last": 0}
    assert (figures.proxy.http_blocked_by_reason, figures.proxy.bytes_up_mb) == ({}, 0.0)
    assert figures.oban_queues == []


def test_counters_by_result_and_gauges_are_shown_where_the_agent_has_them():
    counters = {
        "vpn_pull_total": {"success": 5, "failure": 2},
        "health_check_report_total": {"success": 3},
        "bootstrap_registration_total": {"failure": 1, "success": 1},
        "diagnostics_push_total": {"success": 4},
        "settings_config_refresh_total": {"invalid_response": 6},
    }
    lines = [
        f'edge_agent_{name}{{result="{result}"}} {count}'
        for name, counts in counters.items()
        for result, count in counts.items()
    ]
    figures = agent_figures("\n".join([*lines, "edge_agent_commands_last_exit_code 143"]))

    assert figures.vpn.model_dump() == {"pulls_total": 7, "pulls_success_total": 5, "pulls_failure_total": 2}
    assert (figures.health_check.reports_success_total, figures.health_check.reports_failure_total) == (3, None)
    assert figures.bootstrap.model_dump() == {
        "registrations_total": 2,
        "registrations_success_total": 1,
        "registrations_failure_total": 1,
    }
    assert (figures.diagnostics.pushes_total, figures.diagnostics.pushes_success_total) == (4, 4)
    assert figures.settings_config.refreshes_invalid_response_total == 6
    assert (figures.commands.last_exit_code, figures.commands.report_batch_size) == (143, None)


def test_sample_with_another_prefix_is_ignored():
    assert agent_figures("commands_report_total 5\nedge_admin_commands_report_total 6").commands.reported_total == 0


@given(st.dictionaries(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), st.integers(0, 2**40)))
def test_agent_counters_are_summed_over_their_labels(counts):
    lines = [f'edge_agent_proxy_http_blocked_total{{reason="{reason}"}} {n}' for reason, n in counts.items()]
    proxy = agent_figures("\n".join(lines)).proxy
    assert proxy.http_blocked_by_reason == counts
    assert proxy.http_blocked_total == sum(counts.values())

"""Texts as exporters write them, shortened to what matters and some lines that do not."""

HOST = """\
# HELP node_boot_time_seconds Node boot time, in unixtime.
# TYPE node_boot_time_seconds gauge
node_boot_time_seconds 1.79516394e+09
# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 1.18331e+06
node_cpu_seconds_total{cpu="0",mode="user"} 21421.6
node_cpu_seconds_total{cpu="1",mode="idle"} 1.18244e+06
node_cpu_seconds_total{cpu="3",mode="idle"} 1.2e+06
node_cpu_seconds_total{cpu="2",mode="idle"} 1.2e+06
# TYPE node_filesystem_avail_bytes gauge
node_filesystem_avail_bytes{device="tmpfs",fstype="tmpfs",mountpoint="/run"} 8.1e+08
node_filesystem_avail_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 5.82490368e+10
node_filesystem_avail_bytes{device="overlay",fstype="overlay",mountpoint="/"} 1
node_filesystem_size_bytes{device="tmpfs",fstype="tmpfs",mountpoint="/run"} 8.2e+08
node_filesystem_size_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 107374182400
# TYPE node_load1 gauge
node_load1 1.2
node_load15 0.9
node_load5 1.125
node_memory_MemAvailable_bytes 2.814377984e+09
node_memory_MemTotal_bytes 8.589934592e+09
node_network_receive_bytes_total{device="eth0"} 9
"""
"""The contract's example machine: its memory and disk, booted 1 d 1 h 1 min before `BOOTED + 90061`."""

BOOTED = 1_795_163_940

AGENT = """\
edge_agent_prom_ex_application_uptime_milliseconds_count 172800999
edge_agent_prom_ex_beam_stats_process_count 342
edge_agent_prom_ex_beam_memory_allocated_bytes 125829120
edge_agent_prom_ex_beam_memory_processes_total_bytes 8.388608e+07
edge_agent_prom_ex_beam_memory_ets_total_bytes 4194304
edge_agent_prom_ex_beam_memory_binary_total_bytes 2097152
edge_agent_prom_ex_oban_queue_length_count{name="Oban",queue="default",state="completed"} 245
edge_agent_prom_ex_oban_queue_length_count{name="Oban",queue="default",state="executing"} 1
edge_agent_prom_ex_oban_queue_length_count{name="Oban",queue="default",state="discarded"} 1
edge_agent_prom_ex_oban_queue_length_count{name="Oban",queue="commands",state="completed"} 150
edge_agent_discovery_scan_total 48
edge_agent_discovery_admins_found 5
edge_agent_commands_sync_total{status="ok"} 150
edge_agent_commands_sync_total{status="error"} 6
edge_agent_commands_execution_enqueued_total 152
edge_agent_commands_execution_completed_total{exit="0"} 1e2
edge_agent_commands_execution_completed_total{exit="1"} 50.0
edge_agent_commands_report_total 150
edge_agent_proxy_http_connection_total 523
edge_agent_proxy_http_blocked_total{reason="localhost_blocked"} 8
edge_agent_proxy_http_blocked_total{reason="docker_network_blocked"} 4
edge_agent_proxy_http_blocked_total{reason="metadata_service_blocked"} 2
edge_agent_proxy_http_blocked_total{reason="agent_port_blocked"} 1
edge_agent_proxy_socks5_connection_total 87
edge_agent_proxy_socks5_blocked_total{reason="docker_port_blocked"} 2
edge_agent_proxy_socks5_blocked_total{reason="localhost_blocked"} 3
edge_agent_proxy_tunnel_closed_total{reason="normal"} 590
edge_agent_proxy_tunnel_closed_total{reason="deadline"} 12
edge_agent_proxy_tunnel_closed_total{reason="drain_timeout"} 3
edge_agent_proxy_tunnel_bytes_up_total 157286400
edge_agent_proxy_tunnel_bytes_down_total 943718400
edge_agent_ssh_authentication_total{method="password"} 5
edge_agent_ssh_authentication_total{method="public_key"} 40
edge_agent_ssh_connection_total 44
edge_agent_vpn_pull_total 7
"""
"""The contract's example agent."""

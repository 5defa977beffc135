"""What is charged beside the fleet itself: a Prometheus that scrapes it, and what a deployer may switch on."""

import re
from pathlib import Path

from infra.deployables import CORE, FURTHER
from infra.firewall import firewall
from infra.fragment import fragment
from infra.functions import MAX_RECEIVES, function
from tests.bench import prices, prices_outputs
from tests.bench.prices import MILLION, Usage
from tests.bench.prices_activities import activities
from tests.bench.prices_agent import BEAT_SECONDS, HEALTH_REPORT_SECONDS, LISTS_AFTER_RECONNECT, SOCKET_LIFE_SECONDS
from tests.bench.prices_instances import instances
from tests.bench.prices_logs import logged, rest_line_bytes, socket_line_bytes
from tests.bench.prices_model import HOURS, SECONDS, Habits, idle_connected, total

DOCUMENT = Path("docs/metrics.md")

SCRAPES_SECONDS = (60.0, 300.0, 900.0)

FRESH_SECONDS = 300.0
"""How long a text is shown before its node is asked for another (METRICS_FRESH_SECONDS)."""

KEYS_READ_AGAIN_SECONDS = 300.0

NODES = 1000


def documented_seconds(setting: str) -> float:
    """The first such setting of the documented configuration, which holds for all machines. Raises ValueError."""
    found = re.search(rf"^ *(?:- )?{setting}: (\d+)s$", DOCUMENT.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{DOCUMENT} does not say {setting}")
    return float(found[1])


def scraping(every_seconds: float, kind: str = "host") -> Usage:
    """A month of one connected node whose metrics of that kind are read so often. A read that finds no fresh text asks
    the node, and waits for its push."""
    each = activities()
    is_host = kind == "host"
    read, push = (
        (each.metrics_read, each.metrics_push) if is_host else (each.agent_metrics_read, each.agent_metrics_push)
    )
    waits = function("api_handler").memory_mb / 1024 * prices.PUSH_MS.value / 1000
    asked = push + Usage(socket_messages=1, lambda_gb_seconds=waits, read_units=1)
    found = each.discovery * (SECONDS / documented_seconds("refresh_interval"))
    return read * (SECONDS / every_seconds) + asked * (SECONDS / max(every_seconds, FRESH_SECONDS)) + found


def scraping_the_installation() -> Usage:
    """A month of its own metrics, each minute."""
    return activities().installation_metrics * (SECONDS / 60)


def extras() -> dict[str, Usage]:
    """A month of each, unless it says otherwise."""
    idle = total(idle_connected())
    rules = firewall(CORE)["WebAcl"]["Properties"]["Rules"]
    platform = total(idle_connected(Habits(has_platform_log=True)))
    return {
        f"`FIREWALL=on`: a web ACL with {len(rules)} rules": Usage(acl_months=1, rule_months=len(rules)),
        "`FIREWALL=on`: a million requests to the API": Usage(inspected_requests=MILLION),
        "`SUBNET_IDS`: a NAT gateway, in one zone": Usage(nat_hours=HOURS),
        "`SUBNET_IDS`: a million requests of agents through it": Usage(
            nat_bytes=prices.BEHIND_NAT_BYTES.value * MILLION
        ),
        f"all logs of {NODES:,} idle connected nodes, kept for 30 days": Usage(
            log_bytes=idle.log_bytes, logged_gb_months=idle.logged_gb_months
        )
        * NODES,
        "of these, access logs (`API_ACCESS_LOGS=off` has none)": access_logs() * NODES,
        f"`SYSTEM_LOG_LEVEL=INFO`, of {NODES:,} idle connected nodes": (platform - idle) * NODES,
        "Prometheus at the installation's own metrics, each minute": scraping_the_installation(),
        "a further stack": _further_stack(),
        "a thousand instances at rest, beside machines and agents": instances().look * (HOURS * 1000),
        "keys read again every five minutes by a busy container": Usage(secret_calls=SECONDS / KEYS_READ_AGAIN_SECONDS),
        "a million messages that die, are looked at and redriven": Usage(
            sqs_requests=MILLION * (MAX_RECEIVES + 1 + 3 + 2)
        ),
        **prices_outputs.rows(),
        "a dashboard beyond an account's first three": Usage(dashboard_months=1),
        "a budget, of the first two of an account": Usage(),
    }


def access_logs() -> Usage:
    """Of one idle connected node."""
    of_sockets = SECONDS / BEAT_SECONDS + 2 * SECONDS / SOCKET_LIFE_SECONDS
    of_requests = SECONDS / HEALTH_REPORT_SECONDS + LISTS_AFTER_RECONNECT * SECONDS / SOCKET_LIFE_SECONDS
    return logged(socket_line_bytes()) * of_sockets + logged(rest_line_bytes()) * of_requests


def _further_stack() -> Usage:
    """Its alarms, its heartbeats, and Lambda's polls of its queue."""
    resources = fragment(FURTHER)["Resources"].values()
    alarms = sum(each.get("Type") == "AWS::CloudWatch::Alarm" for each in resources)
    polls = SECONDS / prices.POLL_WAIT.value * prices.IDLE_POLLERS.value
    return activities().ticks["heartbeat"] * (SECONDS / 60) + Usage(alarm_months=alarms) + Usage(sqs_requests=polls)

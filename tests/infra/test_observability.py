"""What dashboards, rules and queries name is there: metrics, labels, functions, fields of log lines."""

import json
import re
import shutil
import subprocess
from collections import defaultdict

import pytest
import yaml
from edge_agent.counters import HELP, PREFIX

from chalicelib.fleet.metrics import totals
from chalicelib.fleet.metrics.admin import State, families_of
from chalicelib.kit.queues import Depth
from infra.apis import _REST_LOG_FIELDS, _SOCKET_LOG_FIELDS
from infra.dashboard import dashboard
from infra.deployables import CORE, EVERY
from infra.functions import QUEUES, TABLES
from infra.package import ROOT
from tests.infra.log_patterns import ERROR_PATTERNS, matched
from tests.support.builders import a_cluster, a_command, machines
from tests.support.callers import operator
from tests.support.provisioning import BoxWorld
from tests.support.world import World
from tests.workers.fleet.test_main_job import run_all

FOLDER = ROOT / "infra" / "observability"
METRICS = (ROOT / "docs" / "metrics.md").read_text()
QUERIES = sorted((FOLDER / "insights").glob("*.txt"))

RULES = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
PANELS = json.loads((FOLDER / "grafana.json").read_text())["panels"]
EXPRESSIONS = {each["alert"]: each["expr"] for group in RULES for each in group["rules"]} | {
    panel["title"]: target["expr"] for panel in PANELS for target in panel["targets"]
}

SELECTOR = re.compile(r"\b(up|(?:edge_admin|edge_agent|node)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!=|=)\s*"([^"]*)"')


@pytest.fixture(scope="module")
def exposed():
    """Labels with their values, by metric: of this installation, of agents, and what metrics.md takes of a host."""
    depths = {queue: Depth(0, 0, 0, dead=0) for queue in CORE.queues}
    found = defaultdict(lambda: defaultdict(set))
    for family in families_of(State(dict.fromkeys(totals.ALL, 0), depths, is_degraded=False)):
        found[family.name]
        for labels, _ in family.samples:
            for name, value in labels.items():
                found[family.name][name].add(value)
    for name in HELP:
        found[PREFIX + name]
    for name in re.findall(r"`(node_\w+?)(?:`|\{)", METRICS):
        found[name]["mountpoint"].add("/")
    found["up"]["job"] = {"edge-admin", *(f"node-{kind}-metrics" for kind in ("host", "agent", "wireguard"))}
    return found


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_metrics_and_labels_of_rules_and_panels_are_exposed(name, exposed):
    selectors = SELECTOR.findall(EXPRESSIONS[name])
    assert selectors
    for metric, matchers in selectors:
        assert metric in exposed, metric
        for label, operator_, value in MATCHER.findall(matchers):
            values = set(value.split("|")) if operator_ == "=~" else {value}
            assert values <= exposed[metric][label], f"{metric}{{{matchers}}}"


def test_labels_used_for_sums_are_exposed(exposed):
    for expression in EXPRESSIONS.values():
        for label, metric in re.findall(r"by \((\w+)\) \([^e]*\b(edge_admin_\w+)", expression):
            assert label in exposed[metric], expression


def test_scrape_jobs_equal_those_of_documentation_and_discovery():
    assert "job_name: edge-admin" in METRICS
    assert (
        'job=f"node-{metrics_type}-metrics"' in (ROOT / "chalicelib" / "fleet" / "metrics" / "discovery.py").read_text()
    )


def test_prometheus_accepts_the_alert_rules():
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: rules are only read as YAML, and their metrics compared")
    subprocess.run(["promtool", "check", "rules", str(FOLDER / "alerts.yaml")], check=True, capture_output=True)


def test_alert_rules_have_a_summary_and_a_severity():
    for rule in (rule for group in RULES for rule in group["rules"]):
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_dashboard_panels_do_not_overlap():
    places = [tuple(panel["gridPos"][name] for name in "xy") for panel in PANELS]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def platform_line(kind, status, **more):
    """A line of Lambda's own (Lambda developer guide, "Telemetry API Event schema reference")."""
    record = {"requestId": "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa", "status": status, **more}
    return {"time": "2026-11-28T03:00:00.000Z", "type": f"platform.{kind}", "record": record}


OF_THE_RUNTIME = {"level": "ERROR", "errorType": "Runtime.ImportModuleError", "errorMessage": "x", "requestId": ""}
OUT_OF_MEMORY = platform_line("runtimeDone", "error", errorType="Runtime.OutOfMemory")


@pytest.mark.parametrize("pattern", ERROR_PATTERNS)
@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ({"level": "error", "event": "failed"}, True),
        (OF_THE_RUNTIME, True),
        (platform_line("report", "timeout"), True),
        (OUT_OF_MEMORY, True),
        (platform_line("report", "success"), False),
        ({"level": "warn", "event": "request", "status": 500}, False),
    ],
)
def test_error_patterns_find_lambdas_own_errors_and_no_success(pattern, line, is_found):
    assert (matched(pattern, line) is not None) == is_found


@pytest.fixture(scope="module")
def log_fields():
    """Fields of the lines that requests and work write, of access logs, and those that Logs Insights adds."""
    world = World()
    a_cluster(world)
    fleet = machines(world, 1)
    a_command(world)
    world.settle()
    run_all(world, fleet)
    operator(world).get("/api/v1/nodes")
    world.platform.log.failure("failed", ValueError("x"))
    world.platform.counters.count("nodes", 5, by="a mistake")
    world.sweep("recount")
    lines = [*world.lines.records, *provisioning_lines()]
    lambdas = {*OF_THE_RUNTIME, *OUT_OF_MEMORY, *OUT_OF_MEMORY["record"]}
    expected = {"request", "handled", "failed", "total_corrected", "quota_corrected", "stranger"}
    assert expected <= {line["event"] for line in lines}
    return {name for line in lines for name in line} | {*_REST_LOG_FIELDS, *_SOCKET_LOG_FIELDS} | lambdas


def provisioning_lines():
    """The lines of a thing that no resource wants, and of a counter of a quota that is wrong."""
    world = BoxWorld()
    world.boxes.plant("one", "x")
    taken = world.platform.quotas.taking("boxes", None)
    world.platform.tables.scoped("one").write(taken, "quota.broken")
    world.clock.advance(10)
    world.sweep("report_strangers")
    world.sweep("recount")
    return world.lines.records


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_log_query_uses_only_fields_of_log_lines(path, log_fields):
    query = re.sub(r"#.*", "", path.read_text())
    made = set(re.findall(r"\bas (\w+)", query))
    words = set(re.findall(r"(?<![\w@/\"])[A-Za-z_]\w*", re.sub(r'"[^"]*"|/[^/]*/', "", query)))
    language = {"fields", "filter", "sort", "limit", "stats", "by", "as", "asc", "desc", "or", "and", "like"}
    language |= {"count", "latest", "pct", "sum", "coalesce"}

    assert words - language - made <= log_fields


def test_events_named_in_log_queries_are_written():
    code = "".join(path.read_text() for path in (ROOT / "chalicelib").rglob("*.py"))
    for path in QUERIES:
        for event in re.findall(r'event = "(\w+)"', path.read_text()):
            assert f'"{event}"' in code, path.name


@pytest.fixture(scope="module")
def board():
    def names(stack):
        return {each.resource: f"real-{stack.folder}{each.name}" for each in stack.functions} | {"WebsocketAPI": "abc"}

    stacks = [(stack, names(stack)) for stack in EVERY]
    return dashboard("dev", "eu-central-1", stacks, ["arn:aws:cloudwatch:eu-central-1:1:alarm:x"])


def graphs(board):
    return [each["properties"] for each in board["widgets"] if each["type"] == "metric"]


def test_dashboard_shows_every_function_queue_and_table_by_its_deployed_name(board):
    seen = defaultdict(set)
    for graph in graphs(board):
        for metric in graph["metrics"]:
            texts = [each for each in metric[2:] if isinstance(each, str)]
            for name, value in zip(texts[::2], texts[1::2], strict=True):
                seen[name].add(value)

    assert seen["FunctionName"] == {f"real-{stack.folder}{each.name}" for stack in EVERY for each in stack.functions}
    dead = {f"edge-admin-dev-{queue}-dead" for queue in QUEUES if not queue.is_manual}
    assert seen["QueueName"] == {f"edge-admin-dev-{queue}" for queue in QUEUES} | dead
    assert seen["TableName"] == {f"edge-admin-dev-{table.name}" for table in TABLES}
    assert seen["ApiName"] == {f"edge-admin-dev{stack.suffix}" for stack in EVERY}
    assert seen["ApiId"] == {"abc"}


def test_dashboard_stays_within_cloudwatch_limits(board):
    """At most 500 metrics in a graph and 2,500 in all, within 24 columns; none over another (CloudWatch quotas)."""
    assert all(len(graph["metrics"]) <= 500 for graph in graphs(board))
    assert sum(len(graph["metrics"]) for graph in graphs(board)) <= 2500
    places = [(each["x"], each["y"]) for each in board["widgets"]]
    assert len(set(places)) == len(places)
    assert all(each["x"] + each["width"] <= 24 for each in board["widgets"])

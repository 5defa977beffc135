"""A machine's figures: the contract's example, the rules one by one, and any numbers."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.metrics.figures import duration_text, rounded
from chalicelib.fleet.metrics.host import HostFigures, host_figures
from tests.unit.fleet.metrics.texts import BOOTED, HOST

BOOT = datetime.fromtimestamp(BOOTED, UTC)
NOW = BOOT + timedelta(seconds=90_061.9)


def figures(*lines: str, now: datetime = NOW) -> HostFigures:
    return host_figures("\n".join(lines), now)


def test_host_figures_match_the_contract_example():
    assert host_figures(HOST, NOW).model_dump() == {
        "cpu": {"cores": 4, "load_1m": 1.2, "load_5m": 1.13, "load_15m": 0.9},
        "memory": {
            "usage_percent": 67.24,
            "total_bytes": 8589934592,
            "available_bytes": 2814377984,
            "used_bytes": 5775556608,
            "total_gb": 8.0,
            "available_gb": 2.6,
            "used_gb": 5.4,
        },
        "disk": {
            "usage_percent": 45.75,
            "total_bytes": 107374182400,
            "available_bytes": 58249036800,
            "used_bytes": 49125145600,
            "total_gb": 100.0,
            "available_gb": 54.2,
            "used_gb": 45.8,
        },
        "uptime": {"seconds": 90061, "human": "1d 1h 1m"},
    }


def test_missing_host_figures_are_null():
    nothing = dict.fromkeys(
        ("usage_percent", "total_bytes", "available_bytes", "used_bytes", "total_gb", "available_gb", "used_gb")
    )
    assert figures("").model_dump() == {
        "cpu": {"cores": None, "load_1m": None, "load_5m": None, "load_15m": None},
        "memory": nothing,
        "disk": nothing,
        "uptime": {"seconds": None, "human": None},
    }


def test_memory_total_without_available_shows_the_total_only():
    memory = figures("node_memory_MemTotal_bytes 1073741824").memory
    assert (memory.total_gb, memory.available_bytes, memory.used_gb, memory.usage_percent) == (1.0, None, None, None)


def test_memory_of_size_zero_has_no_percentage():
    memory = figures("node_memory_MemTotal_bytes 0", "node_memory_MemAvailable_bytes 0").memory
    assert (memory.used_bytes, memory.usage_percent) == (0, None)


def test_disk_figures_are_those_of_the_root_file_system():
    disk = figures(
        'node_filesystem_size_bytes{mountpoint="/home"} 5',
        'node_filesystem_size_bytes{mountpoint="/",device="a"} 100',
        'node_filesystem_size_bytes{mountpoint="/",device="b"} 200',
        'node_filesystem_avail_bytes{mountpoint="/boot"} 1',
    ).disk
    assert (disk.total_bytes, disk.available_bytes) == (100, None)


def test_gauge_with_labels_is_ignored():
    assert figures('node_load1{cpu="0"} 3', "node_load1 2").cpu.load_1m == 2.0
    assert figures('node_load1{cpu="0"} 3').cpu.load_1m is None


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "1e400", "many", "", "1_0"])
def test_non_finite_or_malformed_value_is_null(value):
    assert figures(f"node_load1 {value}", "node_load5 1").cpu.model_dump() == {
        "cores": None,
        "load_1m": None,
        "load_5m": 1.0,
        "load_15m": None,
    }


def test_uptime_with_a_clock_ahead_is_zero():
    assert figures(f"node_boot_time_seconds {BOOTED}", now=BOOT - timedelta(hours=1)).uptime.seconds == 0


def test_fraction_of_the_boot_time_is_cut():
    assert figures(f"node_boot_time_seconds {BOOTED}.9", now=BOOT + timedelta(seconds=59)).uptime.human == "59s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (1404, "23m"),
        (3599, "59m"),
        (3600, "1h 0m"),
        (18_900, "5h 15m"),
        (86_399, "23h 59m"),
        (86_400, "1d 0h 0m"),
        (172_800, "2d 0h 0m"),
        (90_061, "1d 1h 1m"),
    ],
)
def test_duration_text_drops_leading_zero_units(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("value", "places", "wanted"), [(0.125, 2, 0.13), (0.375, 2, 0.38), (0.25, 1, 0.3), (2.5, 0, 3.0), (-0.25, 1, -0.3)]
)
def test_rounding_moves_halves_away_from_zero(value, places, wanted):
    assert rounded(value, places) == wanted


SIZES = st.integers(0, 2**53)
WRITTEN = st.sampled_from(["{}", "{}.0", "{:e}"])


def written(value: int, style: str) -> tuple[str, int]:
    """A number as an exporter may write it, and what it then is."""
    text = style.format(value)
    return text, int(float(text)) if "e" in text or "." in text else value


@given(total=SIZES, available=SIZES, style=WRITTEN, junk=st.lists(st.text(max_size=20), max_size=5))
def test_memory_figures_hold_for_any_size_and_notation(total, available, style, junk):
    total_text, total = written(total, style)
    available_text, available = written(available, style)
    lines = [f"node_memory_MemTotal_bytes {total_text}", f"node_memory_MemAvailable_bytes {available_text}"]
    memory = figures(*[line for line in junk if "node_" not in line], *lines).memory
    used = total - available
    assert (memory.total_bytes, memory.available_bytes, memory.used_bytes) == (total, available, used)
    assert memory.total_gb == float((Decimal(total) / 2**30).quantize(Decimal("0.1"), ROUND_HALF_UP))
    if total:
        assert memory.usage_percent == pytest.approx(used / total * 100, abs=0.00501, rel=1e-9)
    else:
        assert memory.usage_percent is None


@given(st.text())
def test_host_figures_of_arbitrary_text_raise_nothing(text):
    assert host_figures(text, NOW).memory.total_bytes is None or "node_memory_MemTotal_bytes" in text


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["idle", "user"])), min_size=1))
def test_cpu_cores_count_distinct_processors(rows):
    lines = [f'node_cpu_seconds_total{{cpu="{cpu}",mode="{mode}"}} 1.5e3' for cpu, mode in rows]
    assert figures(*lines).cpu.cores == len({cpu for cpu, _ in rows})

"""A machine's figures out of node_exporter's text. Missing inputs are None. Pure."""

from datetime import datetime

from pydantic import BaseModel

from chalicelib.fleet.metrics.exposition import read_samples
from chalicelib.fleet.metrics.figures import Series, duration_text, in_gb, rounded

_CPU = "node_cpu_seconds_total"
_LOADS = ("node_load1", "node_load5", "node_load15")
_MEMORY_TOTAL = "node_memory_MemTotal_bytes"
_MEMORY_AVAILABLE = "node_memory_MemAvailable_bytes"
_DISK_SIZE = "node_filesystem_size_bytes"
_DISK_AVAILABLE = "node_filesystem_avail_bytes"
_BOOT = "node_boot_time_seconds"
_NAMES = frozenset({_CPU, *_LOADS, _MEMORY_TOTAL, _MEMORY_AVAILABLE, _DISK_SIZE, _DISK_AVAILABLE, _BOOT})


class CpuFigures(BaseModel):
    cores: int | None
    load_1m: float | None
    load_5m: float | None
    load_15m: float | None


class SizeFigures(BaseModel):
    """Of the memory, or of the root file system. ``gb`` are 2^30 bytes."""

    usage_percent: float | None
    total_bytes: int | None
    available_bytes: int | None
    used_bytes: int | None
    total_gb: float | None
    available_gb: float | None
    used_gb: float | None


class UptimeFigures(BaseModel):
    seconds: int | None
    human: str | None


class HostFigures(BaseModel):
    cpu: CpuFigures
    memory: SizeFigures
    disk: SizeFigures
    uptime: UptimeFigures


def host_figures(text: str, now: datetime) -> HostFigures:
    """``now`` is what the uptime counts to."""
    series = Series(read_samples(text, _NAMES))
    return HostFigures(
        cpu=_cpu(series),
        memory=_sizes(series.whole(_MEMORY_TOTAL), series.whole(_MEMORY_AVAILABLE)),
        disk=_sizes(_of_root(series, _DISK_SIZE), _of_root(series, _DISK_AVAILABLE)),
        uptime=_uptime(series.whole(_BOOT), now),
    )


def _cpu(series: Series) -> CpuFigures:
    cores = {sample.labels["cpu"] for sample in series.of(_CPU) if "cpu" in sample.labels}
    loads = [None if (load := series.gauge(name)) is None else rounded(load, 2) for name in _LOADS]
    return CpuFigures(cores=len(cores) or None, load_1m=loads[0], load_5m=loads[1], load_15m=loads[2])


def _of_root(series: Series, name: str) -> int | None:
    sizes = (int(sample.value) for sample in series.of(name) if sample.labels.get("mountpoint") == "/")
    return next(sizes, None)


def _sizes(total: int | None, available: int | None) -> SizeFigures:
    used = None if total is None or available is None else total - available
    return SizeFigures(
        usage_percent=rounded(used / total * 100, 2) if used is not None and total else None,
        total_bytes=total,
        available_bytes=available,
        used_bytes=used,
        total_gb=in_gb(total),
        available_gb=in_gb(available),
        used_gb=in_gb(used),
    )


def _uptime(booted: int | None, now: datetime) -> UptimeFigures:
    if booted is None:
        return UptimeFigures(seconds=None, human=None)
    seconds = max(0, int(now.timestamp()) - booted)  # a machine's clock may be ahead of ours
    return UptimeFigures(seconds=seconds, human=duration_text(seconds))

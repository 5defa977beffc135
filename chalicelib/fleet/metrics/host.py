"""The metrics of a machine, out of node_exporter's text. Missing inputs are None. Pure."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet.metrics.exposition import read_samples
from chalicelib.fleet.metrics.figures import Series, duration_text, in_gb, rounded
from chalicelib.kit.fields import about

_CPU = "node_cpu_seconds_total"
_LOADS = ("node_load1", "node_load5", "node_load15")
_MEMORY_TOTAL = "node_memory_MemTotal_bytes"
_MEMORY_AVAILABLE = "node_memory_MemAvailable_bytes"
_DISK_SIZE = "node_filesystem_size_bytes"
_DISK_AVAILABLE = "node_filesystem_avail_bytes"
_BOOT = "node_boot_time_seconds"
_NAMES = frozenset({_CPU, *_LOADS, _MEMORY_TOTAL, _MEMORY_AVAILABLE, _DISK_SIZE, _DISK_AVAILABLE, _BOOT})


CPU = about("Processor.")

MEMORY = about("Main memory.")

DISK = about("File system that is mounted at `/`.")

UPTIME = about("Time since the machine booted.")


class CpuFigures(BaseModel):
    """Processors and their load."""

    cores: Annotated[int | None, about("Number of logical processors.", 4, minimum=1)]
    load_1m: Annotated[float | None, about("Load average of the last minute.", 0.31, minimum=0)]
    load_5m: Annotated[float | None, about("Load average of the last 5 minutes.", 0.27, minimum=0)]
    load_15m: Annotated[float | None, about("Load average of the last 15 minutes.", 0.22, minimum=0)]


class SizeFigures(BaseModel):
    """Usage of the memory, or of the root file system."""

    usage_percent: Annotated[
        float | None, about("Used share of the total, in percent with two decimals.", 37.5, minimum=0, maximum=100)
    ]
    total_bytes: Annotated[int | None, about("Size in bytes.", 4294967296, minimum=0)]
    available_bytes: Annotated[int | None, about("Bytes that are still available to programs.", 2684354560, minimum=0)]
    used_bytes: Annotated[int | None, about("Total less available, in bytes.", 1610612736)]
    total_gb: Annotated[float | None, about("Size in GiB (2^30 bytes), with one decimal.", 4.0, minimum=0)]
    available_gb: Annotated[
        float | None, about("GiB that are still available to programs, with one decimal.", 2.5, minimum=0)
    ]
    used_gb: Annotated[float | None, about("Total less available, in GiB with one decimal.", 1.5)]


class UptimeFigures(BaseModel):
    """Time since the machine booted."""

    seconds: Annotated[int | None, about("Whole seconds since the machine booted.", 192600, minimum=0)]
    human: Annotated[str | None, about("The same for people: `42s`, `23m`, `5h 15m` or `2d 5h 30m`.", "2d 5h 30m")]


class HostFigures(BaseModel):
    """Metrics of a machine."""

    cpu: Annotated[CpuFigures, CPU]
    memory: Annotated[SizeFigures, MEMORY]
    disk: Annotated[SizeFigures, DISK]
    uptime: Annotated[UptimeFigures, UPTIME]


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

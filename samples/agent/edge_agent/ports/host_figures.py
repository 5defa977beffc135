"""Figures of the machine and of the agent's processes, read through psutil."""

import os
from contextlib import suppress

import psutil

from edge_agent.exposition import MetricFamily, Sample, gathered, gauge

CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
NETWORK_COUNTERS = {
    "node_network_receive_bytes_total": "bytes_recv",
    "node_network_receive_packets_total": "packets_recv",
    "node_network_receive_errs_total": "errin",
    "node_network_receive_drop_total": "dropin",
    "node_network_transmit_bytes_total": "bytes_sent",
    "node_network_transmit_packets_total": "packets_sent",
    "node_network_transmit_errs_total": "errout",
    "node_network_transmit_drop_total": "dropout",
}


def host_figures() -> list[MetricFamily]:
    """The machine's figures under node_exporter's names: those that the server reads, and network counters.

    Figures that the system does not show, as in some containers, are left out. Raises `UnavailableError` if it shows
    none.
    """
    return gathered([_processors, _loads, _memory, _swap, _root_filesystem, _boot, _networks])


def process_tree() -> tuple[int, int, int]:
    """The number of this process's descendants, its own resident bytes, and theirs. May raise any exception."""
    process = psutil.Process()
    sizes = [size for child in process.children(recursive=True) if (size := _resident_bytes(child))]
    return len(sizes), process.memory_info().rss, sum(sizes)


def _resident_bytes(process: psutil.Process) -> int:
    """0 for a process that has just ended or may not be inspected."""
    with suppress(Exception):
        return int(process.memory_info().rss)
    return 0


def _processors() -> list[MetricFamily]:
    samples: list[Sample] = []
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        samples += [
            ({"cpu": str(number), "mode": mode}, getattr(times, mode)) for mode in CPU_MODES if hasattr(times, mode)
        ]
    help_text = "Seconds that each processor spent in each mode"
    return [MetricFamily("node_cpu_seconds_total", "counter", help_text, tuple(samples))]


def _loads() -> list[MetricFamily]:
    return [
        gauge(f"node_load{minutes}", f"Load average of {minutes} minutes", load)
        for minutes, load in zip((1, 5, 15), os.getloadavg(), strict=True)
    ]


def _memory() -> list[MetricFamily]:
    memory = psutil.virtual_memory()
    return [
        gauge("node_memory_MemTotal_bytes", "Memory", memory.total),
        gauge("node_memory_MemAvailable_bytes", "Memory that programs may get without swapping", memory.available),
        gauge("node_memory_MemFree_bytes", "Unused memory", memory.free),
    ]


def _swap() -> list[MetricFamily]:
    swap = psutil.swap_memory()
    return [
        gauge("node_memory_SwapTotal_bytes", "Swap space", swap.total),
        gauge("node_memory_SwapFree_bytes", "Unused swap space", swap.free),
    ]


def _boot() -> list[MetricFamily]:
    return [gauge("node_boot_time_seconds", "When the machine started, seconds since 1970", psutil.boot_time())]


def _networks() -> list[MetricFamily]:
    devices = psutil.net_io_counters(pernic=True, nowrap=False)
    return [
        MetricFamily(
            name,
            "counter",
            f"Counter {field} of each network device",
            tuple(({"device": device}, getattr(counts, field)) for device, counts in devices.items()),
        )
        for name, field in NETWORK_COUNTERS.items()
    ]


def _root_filesystem() -> list[MetricFamily]:
    sizes = os.statvfs("/")
    labels = {"device": "", "fstype": "", "mountpoint": "/"}
    # The size is known even if the list of mounts cannot be read.
    with suppress(Exception):
        for partition in psutil.disk_partitions(all=True):
            if partition.mountpoint == "/":
                labels = {"device": partition.device, "fstype": partition.fstype, "mountpoint": "/"}
    figures = (
        ("node_filesystem_size_bytes", "Size of the file system", sizes.f_blocks),
        ("node_filesystem_free_bytes", "Free space of the file system", sizes.f_bfree),
        ("node_filesystem_avail_bytes", "Free space for users other than root", sizes.f_bavail),
    )
    return [MetricFamily(name, "gauge", text, ((labels, blocks * sizes.f_frsize),)) for name, text, blocks in figures]

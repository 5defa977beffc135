import os
from collections.abc import Callable
from contextlib import suppress

import psutil
import urllib3
from urllib3.exceptions import HTTPError

from edge_agent.errors import UnavailableError
from edge_agent.exposition import Family, Sample, gathered, gauge, write_text

NODE_EXPORTER_SECONDS = 3.0
# The server takes bodies of 1 MiB, and JSON adds to every line.
LARGEST_TEXT_BYTES = 768 * 1024
OK_STATUS = 200
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


class OwnHostMetrics:
    """The machine's figures under node_exporter's names: the ones that the server reads, and network counters.

    Not all that node_exporter knows: whoever needs more runs one.
    """

    def text(self) -> str:
        """What the system tells; containers do not tell everything. Raises UnavailableError where it tells nothing."""
        return write_text(gathered([_processors, _loads, _memory, _swap, _root_filesystem, _boot, _networks]))


class NodeExporterMetrics:
    """The text of a node_exporter, as it is. It listens on this machine, so no proxy is used."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=NODE_EXPORTER_SECONDS))

    def text(self) -> str:
        """Raises UnavailableError where there is none that the server would take."""
        try:
            answer = self._pool.request("GET", self._url, preload_content=False, retries=False, redirect=False)
            try:
                content = answer.read(LARGEST_TEXT_BYTES + 1, decode_content=True)
            finally:
                answer.close()
            text = content.decode()
        except (HTTPError, OSError, ValueError) as error:
            raise UnavailableError(f"node_exporter: {type(error).__name__}") from error
        if answer.status != OK_STATUS:
            raise UnavailableError(f"node_exporter: status {answer.status}")
        if not content or len(content) > LARGEST_TEXT_BYTES:
            raise UnavailableError(f"node_exporter: {'nothing' if not content else 'more than the server takes'}")
        return text


def host_metrics(node_exporter_url: str | None) -> Callable[[], str]:
    """Where the text of the host's metrics comes from. It may raise UnavailableError."""
    return OwnHostMetrics().text if node_exporter_url is None else NodeExporterMetrics(node_exporter_url).text


def _processors() -> list[Family]:
    samples: list[Sample] = []
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        samples += [
            ({"cpu": str(number), "mode": mode}, getattr(times, mode)) for mode in CPU_MODES if hasattr(times, mode)
        ]
    help_text = "Seconds that each processor spent in each mode"
    return [Family("node_cpu_seconds_total", "counter", help_text, tuple(samples))]


def _loads() -> list[Family]:
    return [
        gauge(f"node_load{minutes}", f"Load average of {minutes} minutes", load)
        for minutes, load in zip((1, 5, 15), os.getloadavg(), strict=True)
    ]


def _memory() -> list[Family]:
    memory = psutil.virtual_memory()
    return [
        gauge("node_memory_MemTotal_bytes", "Memory", memory.total),
        gauge("node_memory_MemAvailable_bytes", "Memory that programs may get without swapping", memory.available),
        gauge("node_memory_MemFree_bytes", "Memory that holds nothing", memory.free),
    ]


def _swap() -> list[Family]:
    swap = psutil.swap_memory()
    return [
        gauge("node_memory_SwapTotal_bytes", "Swap space", swap.total),
        gauge("node_memory_SwapFree_bytes", "Swap space that holds nothing", swap.free),
    ]


def _boot() -> list[Family]:
    return [gauge("node_boot_time_seconds", "When the machine started, seconds since 1970", psutil.boot_time())]


def _networks() -> list[Family]:
    devices = psutil.net_io_counters(pernic=True, nowrap=False)
    return [
        Family(
            name,
            "counter",
            f"Of each network device: {field}",
            tuple(({"device": device}, getattr(counts, field)) for device, counts in devices.items()),
        )
        for name, field in NETWORK_COUNTERS.items()
    ]


def _root_filesystem() -> list[Family]:
    sizes = os.statvfs("/")
    labels = {"device": "", "fstype": "", "mountpoint": "/"}
    # The size is known even where the list of what is mounted cannot be read.
    with suppress(Exception):
        for partition in psutil.disk_partitions(all=True):
            if partition.mountpoint == "/":
                labels = {"device": partition.device, "fstype": partition.fstype, "mountpoint": "/"}
    figures = (
        ("node_filesystem_size_bytes", "Size of the file system", sizes.f_blocks),
        ("node_filesystem_free_bytes", "Free space of the file system", sizes.f_bfree),
        ("node_filesystem_avail_bytes", "Space that users other than root may fill", sizes.f_bavail),
    )
    return [Family(name, "gauge", text, ((labels, blocks * sizes.f_frsize),)) for name, text, blocks in figures]

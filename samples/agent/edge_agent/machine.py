"""Detects that a state directory was cloned or moved to another machine with its disk."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import PurePath

from edge_agent.ports.disk import Disk
from edge_agent.state_directory import StateDirectory

MACHINE_FILE = "machine.json"
# Ids of the hardware, which a clone of the disk does not have. On many systems only root may read them.
HARDWARE_ID_FILES = ("/sys/class/dmi/id/product_uuid", "/sys/firmware/devicetree/base/serial-number")
# Some manufacturers use one id for every board.
SHARED_IDS = frozenset({"03000200-0400-0500-0006-000700080009", "12345678-1234-5678-90ab-cddeefaabbcc"})


@dataclass(frozen=True)
class Machine:
    """Digests of the hardware's and the installed system's ids; None for an unknown one."""

    hardware: str | None
    system: str | None

    def is_another_than(self, other: "Machine") -> bool:
        """Compare by hardware if both ids are known, since a system may be reinstalled; else by system. Unknown ids do
        not differ."""
        if self.hardware is not None and other.hardware is not None:
            return self.hardware != other.hardware
        return self.system is not None and other.system is not None and self.system != other.system


def this_machine(disk: Disk, system_id_file: PurePath, hardware_id_files: Sequence[str]) -> Machine:
    hardware_ids = (_digest(disk, PurePath(file)) for file in hardware_id_files)
    hardware = next((digest for digest in hardware_ids if digest is not None), None)
    return Machine(hardware, _digest(disk, system_id_file))


def stored_machine(state: StateDirectory) -> Machine | None:
    """The machine that was the last to use the directory; None if unknown. Raises OSError."""
    content = state.read(MACHINE_FILE)
    if content is None:
        return None
    digests = [value if isinstance(value, str) else None for value in (content.get("hardware"), content.get("system"))]
    return Machine(*digests)


def store_machine(state: StateDirectory, machine: Machine) -> None:
    state.write(MACHINE_FILE, asdict(machine))


def _digest(disk: Disk, file: PurePath) -> str | None:
    with suppress(OSError):
        text = disk.read(file).decode("ascii", "replace").strip(" \t\r\n\0").lower()
        if text in SHARED_IDS or not set(text) - set("0f- "):
            return None
        return sha256(text.encode()).hexdigest()[:32]
    return None

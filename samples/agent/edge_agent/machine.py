"""Which machine a state directory belongs to: a disk that is cloned or moved takes the directory along."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from edge_agent.durable import StateDirectory

MACHINE_FILE = "machine.json"
# What a clone of the disk does not carry along; only root may read it, on many systems.
HARDWARE_ID_FILES = ("/sys/class/dmi/id/product_uuid", "/sys/firmware/devicetree/base/serial-number")
# Some makers give every board the same.
NO_IDS = frozenset({"03000200-0400-0500-0006-000700080009", "12345678-1234-5678-90ab-cddeefaabbcc"})


@dataclass(frozen=True)
class Machine:
    """Digests of ids that the hardware and the installed system have; None for one that is not known."""

    hardware: str | None
    system: str | None

    def is_another_than(self, other: "Machine") -> bool:
        """By the hardware where both know it: a system may be installed anew. Unknown is no difference."""
        if self.hardware is not None and other.hardware is not None:
            return self.hardware != other.hardware
        return self.system is not None and other.system is not None and self.system != other.system


def this_machine(system_id_file: Path, hardware_id_files: Sequence[str]) -> Machine:
    hardware = next((digest for file in hardware_id_files if (digest := _digest(Path(file))) is not None), None)
    return Machine(hardware, _digest(system_id_file))


def stored_machine(state: StateDirectory) -> Machine | None:
    """The one that has used the directory last; None if that is not known. Raises OSError."""
    content = state.read(MACHINE_FILE)
    if content is None:
        return None
    digests = [value if isinstance(value, str) else None for value in (content.get("hardware"), content.get("system"))]
    return Machine(*digests)


def store_machine(state: StateDirectory, machine: Machine) -> None:
    state.write(MACHINE_FILE, asdict(machine))


def _digest(file: Path) -> str | None:
    with suppress(OSError):
        text = file.read_bytes().decode("ascii", "replace").strip(" \t\r\n\0").lower()
        if text in NO_IDS or not set(text) - set("0f- "):
            return None
        return sha256(text.encode()).hexdigest()[:32]
    return None

"""The format of a disk, told by its bytes and not by its name. Pure.

EC2 imports raw disks, VMDK and VHD (EC2 API reference, SnapshotDiskContainer). A file of another format is refused with
the way to convert it, instead of by EC2 after an hour.
"""

from chalicelib.kit.errors import EdgeError, invalid

RAW, VMDK, VHD = "raw", "vmdk", "vhd"

BEGINNING_BYTES = 64 * 1024
ENDING_BYTES = 512
"""How much of a file is looked at."""

_AT_START = {
    b"KDMV": VMDK,
    b"conectix": VHD,
    b"QFI\xfb": "a qcow2 image",
    b"vhdxfile": "a VHDX image",
    b"\x1f\x8b": "compressed (gzip)",
    b"\xfd7zXZ\x00": "compressed (xz)",
    b"\x28\xb5\x2f\xfd": "compressed (zstd)",
    b"BZh": "compressed (bzip2)",
    b"PK\x03\x04": "a zip archive",
}
_TAR_AT, _TAR = 257, b"ustar"
_ISO_AT, _ISO = 0x8001, b"CD001"
_BOOT_AT, _BOOT = 510, b"\x55\xaa"
"""The signature of a disk that a machine can start from, with a partition table of either kind."""

_CONVERT = "convert it by qemu-img convert -O raw, or to vmdk with -o subformat=streamOptimized"


def format_of(beginning: bytes, ending: bytes, field: str = "file") -> str:
    """The format of a file by its first `BEGINNING_BYTES` and its last `ENDING_BYTES`. Raises `EdgeError` (validation
    failed) for one that EC2 does not import, which ``field`` has brought."""
    found = next((name for mark, name in _AT_START.items() if beginning.startswith(mark)), "")
    if found in {VMDK, VHD}:
        return found
    if beginning[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        found = "an archive (tar, OVA)"
    if beginning[_ISO_AT : _ISO_AT + len(_ISO)] == _ISO:
        raise _refused(field, "an ISO image, from which a disk has to be installed first")
    if found:
        raise _refused(field, found)
    if ending.startswith(b"conectix"):  # a disk of fixed size has its description at the end alone
        return VHD
    if beginning[_BOOT_AT : _BOOT_AT + len(_BOOT)] != _BOOT:
        raise _refused(field, "no disk that a machine can start from")
    return RAW


def _refused(field: str, what: str) -> EdgeError:
    return invalid(field, f"the file is {what}: EC2 imports raw disks, VMDK and VHD. {_CONVERT.capitalize()}")

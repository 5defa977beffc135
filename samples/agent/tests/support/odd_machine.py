"""Runs the agent on a machine with faults: `python odd_machine.py FOLDER ARGUMENTS…`.

A fault is on while FOLDER has a file of its name:

- `disk_full`: writing to files and creating them fails with ENOSPC.
- `odd_proc`: psutil reads a /proc whose `stat` has no boot time, as lxcfs shows on some hosts.

`constants.json`, read at the start, gives module constants of the agent other values: {"module.NAME": value}.
"""

import errno
import importlib
import json
import os
import stat
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])


def is_on(fault):
    return (FOLDER / fault).exists()


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fails_on_full_disk(call, is_about_disk):
    def guarded(*arguments, **options):
        if is_on("disk_full") and is_about_disk(*arguments, **options):
            no_space()
        return call(*arguments, **options)

    return guarded


def is_file(descriptor, *_, **__):
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def makes_file(path, flags, *_, **__):
    return bool(flags & os.O_CREAT) and not Path(path).exists()


def fill_disk():
    os.write = fails_on_full_disk(os.write, is_file)
    os.pwrite = fails_on_full_disk(os.pwrite, is_file)
    os.open = fails_on_full_disk(os.open, makes_file)


def make_proc_odd():
    import psutil  # noqa: PLC0415 - only where it is wanted

    odd = FOLDER / "proc"
    odd.mkdir()
    for entry in Path("/proc").iterdir():
        (odd / entry.name).symlink_to(entry)
    (odd / "stat").unlink()
    lines = Path("/proc/stat").read_text().splitlines(keepends=True)
    (odd / "stat").write_text("".join(line for line in lines if not line.startswith("btime")))
    psutil.PROCFS_PATH = str(odd)


def change_constants():
    file = FOLDER / "constants.json"
    for name, value in (json.loads(file.read_text()) if file.exists() else {}).items():
        module, _, constant = name.rpartition(".")
        assert hasattr(importlib.import_module(module), constant), name
        setattr(importlib.import_module(module), constant, value)


fill_disk()
if is_on("odd_proc"):
    make_proc_odd()
change_constants()

from edge_agent.cli import main  # noqa: E402 - after all that

sys.exit(main(sys.argv[2:]))

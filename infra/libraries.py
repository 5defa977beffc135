"""Installs the functions' libraries for the Python and the processor on AWS, regardless of this machine's.

``python -m infra.libraries`` prints the path of a Python of the functions' version on this machine, and fails without
one.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

PYTHON = "3.13"
"""The functions' Python on AWS."""

_TAG = f"cpython-{PYTHON.replace('.', '')}-x86_64-linux-gnu"
_STABLE_ABI = "abi3"

PLATFORMS = (*tuple(f"manylinux_2_{minor}_x86_64" for minor in range(34, 16, -1)), "manylinux2014_x86_64")
"""The platform tag of wheels for the runtime: Amazon Linux 2023 has glibc 2.34 (AWS documentation, Lambda runtimes)."""


def install(requirements: Path, folder: Path) -> None:
    """Install the pinned libraries into ``folder``. Hashes are checked. Raises RuntimeError if pip fails: no wheel for
    the functions' Python, or a file with another hash.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "--requirement"]
    command += [str(requirements), "--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile"]
    command += ["--implementation", "cp", "--python-version", PYTHON]
    for platform in PLATFORMS:
        command += ["--platform", platform]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the libraries for Python {PYTHON} cannot be fetched:\n{done.stdout}{done.stderr}")
    # Scripts for a shell, which contain the path of this machine's Python.
    shutil.rmtree(folder / "bin", ignore_errors=True)
    check(folder)


def check(folder: Path) -> None:
    """Raises ValueError for a compiled library that the functions' Python would not load."""
    wrong = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.so") if not is_loadable(path.name))
    if wrong:
        raise ValueError(f"built for another Python than {PYTHON} on x86_64: {', '.join(wrong)}")


def is_loadable(name: str) -> bool:
    """Whether the functions' Python imports a compiled library of that name."""
    tag = name.partition(".")[2].removesuffix(".so").strip(".")
    return tag in {_TAG, _STABLE_ABI}


def find_python(candidates: Iterable[Path] | None = None) -> Path | None:
    """A Python of the functions' version on this machine: this one, or one on PATH, of pyenv or of uv; None without
    one."""
    for path in _candidates() if candidates is None else candidates:
        if _version_of(path) == PYTHON:
            return path
    return None


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    if found := shutil.which(f"python{PYTHON}"):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    for folders in (pyenv / "versions", uv):
        newest_first = sorted(folders.glob(f"*{PYTHON}*"), key=_numbers, reverse=True)
        yield from (folder / "bin" / f"python{PYTHON}" for folder in newest_first)


def _numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.name)]


def _version_of(python: Path) -> str:
    """The version of a Python, such as ``3.13``; "" for a program that does not run, as pyenv's shims may."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def main() -> int:
    found = find_python()
    print(found or f"no Python {PYTHON} on PATH, in pyenv or uv", file=sys.stdout if found else sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())

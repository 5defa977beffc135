"""`make dist`: the agent as files that a machine can check and install without an index.

A bundle is one archive for an architecture: our wheel, wheels of every library that the agent needs for each Python
that it runs on, pip, the launcher and the installer's parts, a requirements file with hashes, and a manifest. The same
sources give the same bundle, byte for byte. Wheels come from the package index once, by the hashes of
``samples/agent/requirements.lock``, and are kept in ``build/agent-wheels``.
"""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.package import ROOT

AGENT = ROOT / "samples" / "agent"
LOCK = AGENT / "requirements.lock"
DISTRIBUTION = "edge-admin-serverless-agent"
ARCHITECTURES = ("x86_64", "aarch64")
"""The architectures, as `uname -m` prints them."""

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
GLIBC = ("2_28", "2_17")
"""The platform tag of wheels: they run on Debian 10, RHEL 8, Ubuntu 18.10 and later."""

EPOCH = 315_532_800
"""1980-01-01, the earliest time stamp in a zip file."""

INSTALLERS_PARTS = ("edge_agent/bundles.py", "edge-agent.service", "as-root.conf")
"""The files at the top of the archive that the installer reads, beside the launcher."""

LAUNCHER_START = "import sys\n\nfrom edge_agent.launcher import main\n\nsys.exit(main())\n"


@dataclass(frozen=True)
class Bundle:
    """One archive, with its name, size and hash."""

    version: str
    architecture: str
    pythons: tuple[str, ...]
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def name(self) -> str:
        return f"{DISTRIBUTION}-{self.version}-{self.architecture}.tar.gz"

    def described(self) -> dict[str, Any]:
        """Its entry in the version's manifest in the bucket."""
        return {"sha256": self.sha256, "size": len(self.content), "pythons": list(self.pythons)}


def version_of(agent: Path = AGENT) -> str:
    """The agent's version with a hash of its content, so that each change of the content changes the version."""
    base = re.search(r'__version__ = "([^"]+)"', (agent / "edge_agent" / "__init__.py").read_text())
    if base is None:
        raise ValueError(f"{agent}: edge_agent/__init__.py names no version")
    digest = hashlib.sha256()
    for path in sorted(_sources(agent)):
        digest.update(f"{path.relative_to(agent)}\0".encode() + path.read_bytes() + b"\0")
    return f"{base[1]}+b{digest.hexdigest()[:10]}"


def build_bundle(
    architecture: str, pythons: Sequence[str] = PYTHONS, agent: Path = AGENT, cache: Path = ROOT / "build"
) -> Bundle:
    """The bundle of an architecture. Raises RuntimeError with pip's message if wheels are not available."""
    version = version_of(agent)
    with tempfile.TemporaryDirectory(prefix="edge-agent-bundle-") as name:
        wheel = _build_wheel(agent, version, Path(name))
        libraries = library_wheels(architecture, pythons, cache)
        files = {f"wheels/{wheel.name}": wheel.read_bytes()}
        files |= {f"wheels/{each.name}": each.read_bytes() for each in libraries}
        files |= {Path(part).name: (agent / part).read_bytes() for part in INSTALLERS_PARTS}
        files["launcher.py"] = launcher_program(agent)
        files["requirements.txt"] = _requirements(files).encode()
    manifest = {
        "name": DISTRIBUTION,
        "version": version,
        "architecture": architecture,
        "pythons": list(pythons),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    files["bundle.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    return Bundle(version, architecture, tuple(pythons), _archive(files))


def launcher_program(agent: Path = AGENT) -> bytes:
    """The launcher as one file, which a machine has whole or not at all: Python runs a zip file of modules as it does a
    script, also with `-I`. It is not compressed, so that it can be read."""
    modules = [agent / "edge_agent" / "__init__.py", *sorted((agent / "edge_agent").glob("launcher*.py"))]
    files = {f"edge_agent/{path.name}": path.read_bytes() for path in modules}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as program:
        for name, content in {"__main__.py": LAUNCHER_START.encode(), **files}.items():
            program.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def library_wheels(architecture: str, pythons: Iterable[str], cache: Path) -> list[Path]:
    """Wheels of the locked libraries, from the cache if possible. Raises RuntimeError."""
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    found: dict[str, Path] = {}
    for python in pythons:
        folder = cache / "agent-wheels" / f"{lock}-{architecture}-{python}"
        if not folder.is_dir():
            _download(architecture, python, folder)
        found |= {path.name: path for path in folder.glob("*.whl")}
    return [found[name] for name in sorted(found)]


def _requirements(files: Mapping[str, bytes]) -> str:
    """All of the bundle's libraries and our wheel, each with the hashes of its files; without pip, which installs."""
    hashes: dict[str, list[str]] = {}
    for path, content in files.items():
        if path.startswith("wheels/"):
            hashes.setdefault(_wheel_of(Path(path).name), []).append(hashlib.sha256(content).hexdigest())
    lines = []
    for wheel in sorted(hashes):
        name, _, version = wheel.rpartition("-")
        if name != "pip":
            joined = " ".join(f"--hash=sha256:{sha256}" for sha256 in sorted(hashes[wheel]))
            lines.append(f"{name.replace('_', '-')}=={version} {joined}")
    return "\n".join(lines) + "\n"


def _wheel_of(file_name: str) -> str:
    """``name-version`` of a wheel's file name, as wheels write names."""
    name, version = file_name.split("-")[:2]
    return _normal(f"{name}-{version}")


def _normal(text: str) -> str:
    name, _, version = text.rpartition("-")
    return f"{re.sub(r'[-_.]+', '_', name).lower()}-{version}"


def _sources(agent: Path) -> Iterator[Path]:
    yield from (agent / "edge_agent").rglob("*.py")
    yield from (agent / name for name in ("pyproject.toml", "requirements.txt", "edge-agent.service", "as-root.conf"))
    yield LOCK if agent == AGENT else agent / LOCK.name


def _build_wheel(agent: Path, version: str, folder: Path) -> Path:
    source = folder / "source"
    shutil.copytree(agent, source, ignore=shutil.ignore_patterns("tests", "build", "__pycache__", "*.egg-info"))
    module = source / "edge_agent" / "__init__.py"
    module.write_text(re.sub(r'__version__ = "[^"]+"', f'__version__ = "{version}"', module.read_text()))
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    _run("-c", build, str(folder), cwd=source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _download(architecture: str, python: str, folder: Path) -> None:
    """Download into a temporary folder that is renamed once it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    platforms = [option for glibc in GLIBC for option in ("--platform", f"manylinux_{glibc}_{architecture}")]
    abis = [option for abi in (f"cp{python.replace('.', '')}", "abi3", "none") for option in ("--abi", abi)]
    # Old wheels say manylinux2014 for 2_17 and nothing else.
    machine = ["--platform", f"manylinux2014_{architecture}", "--python-version", python, "--implementation", "cp"]
    with tempfile.TemporaryDirectory(prefix="wheels-", dir=folder.parent) as name:
        target = Path(name) / "wheels"
        exactly = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(LOCK)]
        pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
        _run(*pip, *exactly, *platforms, *machine, *abis, "--dest", str(target))
        if not folder.exists():
            target.rename(folder)


def _run(*arguments: str, cwd: Path | None = None) -> None:
    """Run this Python with the system's PATH only, and without writing to a home folder."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.defpath))
    environment = {**os.environ, "PATH": path, "SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONHASHSEED": "0"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:3])} failed:\n{done.stdout}{done.stderr}")


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar of these files, the same for the same files."""
    packed = io.BytesIO()
    # Wheels are compressed already, so the fastest level does as well as any.
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=1, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(files[name]), 0o644, EPOCH
            archive.addfile(entry, io.BytesIO(files[name]))
    return packed.getvalue()


def main() -> int:
    """Build the bundles of all architectures into build/dist."""
    try:
        folder = ROOT / "build" / "dist"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for architecture in ARCHITECTURES:
            bundle = build_bundle(architecture)
            (folder / bundle.name).write_bytes(bundle.content)
            print(f"{folder / bundle.name}: {len(bundle.content) / 1_000_000:.1f} MB, sha256 {bundle.sha256}")
    except RuntimeError as error:
        print(f"make dist: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
